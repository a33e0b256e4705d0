// The page on which a picture is adjusted needs this besides studio.js.
import * as adjust from "./adjustments/adjust.js";

adjust.start();
