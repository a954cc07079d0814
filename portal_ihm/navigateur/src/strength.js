/** The rule of both secrets (registration/rules/revocation_code.py, runtime/unseen.py), and how strong one is. */

export const LEAST = 12;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/u;
const OTHER_BLANK = /(?! )\p{Zs}/u;

/** What the rule asks for, each true or false, in the order in which a page lists it. */
export function examine(password) {
  const text = password.normalize("NFC");
  return {
    longueur: [...text].length >= LEAST,
    majuscule: /\p{Uppercase}/u.test(text),
    minuscule: /\p{Lowercase}/u.test(text),
    signe: /[^\p{L}\p{N}]/u.test(text),
    lisible: !UNSEEN.test(text) && !OTHER_BLANK.test(text),
  };
}

export function isStrong(password) {
  return Object.values(examine(password)).every(Boolean);
}

/** Per cent, for the eye only: under 60 what the rule refuses, above by length and variety. */
export function strengthOf(password) {
  const signs = [...password.normalize("NFC")];
  if (!signs.length) return 0;
  const varied = new Set(signs).size;
  if (!isStrong(password)) {
    const met = Object.values(examine(password)).filter(Boolean).length;
    return Math.min(50, met * 8 + Math.min(varied, 10));
  }
  return Math.min(100, 60 + 2 * Math.max(0, signs.length - LEAST) + 2 * Math.max(0, varied - 8));
}
