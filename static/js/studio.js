// The browser side of Lemon Studio. Every page works without it; these modules only make it quicker.
import "./autogrow.js";
import "./clipboard.js";
import "./composer.js";
import "./dialogs.js";
import "./drafts.js";
import "./focus.js";
import "./history.js";
import "./keys.js";
import "./library.js";
import "./progress.js";
import "./reveal.js";
import "./selection.js";
import "./swipe.js";
import "./theme.js";
import "./times.js";
import "./toasts.js";
import "./waiting.js";
