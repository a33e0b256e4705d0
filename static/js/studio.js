// The browser side of Lemon Studio. Every page works without it; these modules only make it quicker. None of them does
// anything when it is imported, so that tests can import them: all of them start here.
import * as passkeys from "./accounts/passkeys.js";
import * as assets from "./assets/assets.js";
import * as clipboard from "./base/clipboard.js";
import * as confirm from "./base/confirm.js";
import * as dialogs from "./base/dialogs.js";
import * as focus from "./base/focus.js";
import * as keys from "./base/keys.js";
import * as reveal from "./base/reveal.js";
import * as theme from "./base/theme.js";
import * as times from "./base/times.js";
import * as toasts from "./base/toasts.js";
import * as composer from "./create/composer.js";
import * as drafts from "./create/drafts.js";
import * as history from "./create/history.js";
import * as progress from "./create/progress.js";
import * as tab from "./create/tab.js";
import * as downloads from "./downloads/downloads.js";
import * as arrange from "./galleries/arrange.js";
import * as compare from "./pictures/compare.js";
import * as library from "./pictures/library.js";
import * as lightbox from "./pictures/lightbox.js";
import * as months from "./pictures/months.js";
import * as selection from "./pictures/selection.js";
import * as versus from "./pictures/versus.js";
import * as zoom from "./pictures/zoom.js";
import * as references from "./references/references.js";

// Their order is the order in which they hear of an event, until one of them prevents its default.
for (const module of [
  toasts,
  arrange,
  assets,
  clipboard,
  compare,
  composer,
  confirm,
  dialogs,
  downloads,
  drafts,
  focus,
  history,
  keys,
  library,
  months,
  selection,
  tab,
  lightbox,
  passkeys,
  progress,
  references,
  reveal,
  theme,
  times,
  versus,
  zoom,
]) {
  module.start();
}
