/** What every page does with its elements. All words stand in the page; a script only shows or hides them. */

export function one(name, root = document) {
  return root.querySelector(`[data-role="${name}"]`);
}

export function show(element, visible = true) {
  if (element) element.hidden = !visible;
}

/** Show of all [data-etat] below ``root`` the one of this name. */
export function showOnly(root, name) {
  for (const element of root.querySelectorAll("[data-etat]")) element.hidden = element.dataset.etat !== name;
}

/** Say a refusal by its code, with the sentence that the page carries for it; it gets the focus. */
export function refuse(code) {
  const place = one("refus");
  const told = document.querySelector(`[data-code="${code}"]`);
  place.replaceChildren(...(told ? [told.content.cloneNode(true)] : [document.createTextNode(code)]));
  place.hidden = false;
  place.focus();
}

export function forgive() {
  const place = one("refus");
  place.hidden = true;
  place.replaceChildren();
}

/** Let the browser save octets under a name. */
export function save(octets, name, type) {
  const address = URL.createObjectURL(new Blob([octets], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Day and time in Paris as files are named: 20261201-140500. */
export function stamp(moment = new Date()) {
  const options = { timeZone: "Europe/Paris", hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const part = Object.fromEntries(new Intl.DateTimeFormat("fr-FR", options).formatToParts(moment).map(({ type, value }) => [type, value]));
  return `${part.year}${part.month}${part.day}-${part.hour}${part.minute}${part.second}`;
}

export function dateFr(iso) {
  const options = { timeZone: "Europe/Paris", dateStyle: "short", timeStyle: "short" };
  return new Intl.DateTimeFormat("fr-FR", options).format(new Date(iso));
}

/** A meter beside a password field: per cent, and what the rule still asks for. */
export function watchStrength(field, meter, { examine, strengthOf }) {
  const bar = one("jauge", meter);
  const text = one("taux", meter);
  const draw = () => {
    const rate = strengthOf(field.value);
    bar.value = rate;
    bar.textContent = text.textContent = `${rate} %`;
    for (const [rule, isMet] of Object.entries(examine(field.value))) {
      const line = meter.querySelector(`[data-regle="${rule}"]`);
      line.dataset.tenue = field.value && isMet ? "oui" : "non";
      show(one("oui", line), Boolean(field.value) && isMet);
      show(one("non", line), !(field.value && isMet));
    }
  };
  field.addEventListener("input", draw);
  draw();
  show(meter);
}

/** The error at a field, by its name in the page; none takes it away. */
export function mark(field, kind) {
  const place = document.getElementById(`${field.id}-erreurs`);
  showOnly(place, kind ?? "");
  show(place, Boolean(kind));
  field.classList.toggle("is-invalid", Boolean(kind));
  if (kind) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
