// What the pages need on which a picture is edited.
import "./edit/mask.js";
import "./edit/upload.js";
