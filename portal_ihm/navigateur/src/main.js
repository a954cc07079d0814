/** Which page it is says the page itself. */

import * as assistee from "./page-assistee.js";
import * as certificat from "./page-certificat.js";
import * as cles from "./page-cles.js";
import * as code from "./page-code.js";
import { refuse } from "./dom.js";

const PAGES = {
  assistee: [assistee, "ERR_IHM_031"],
  certificat: [certificat, "ERR_IHM_033"],
  cles: [cles, "ERR_IHM_033"],
  code: [code, undefined],
};

const page = document.querySelector("[data-page]");
if (page) {
  const [module, failure] = PAGES[page.dataset.page];
  module.start(page).catch(() => failure && refuse(failure));
}
