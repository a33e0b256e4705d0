// The pages on which a picture is brought or edited need these besides studio.js.
import * as mask from "./edit/mask.js";
import * as upload from "./edit/upload.js";

mask.start();
upload.start();
