// What the administration's form of a model needs.
import * as options from "./admin/options.js";

options.start();
