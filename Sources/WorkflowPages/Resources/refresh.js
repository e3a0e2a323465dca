// Parts of a page that are read again.

/** Says something to those who do not see the page. */
export function announce(text) {
  const place = document.getElementById("announcer");
  if (place) place.textContent = text;
}

/** Reads this page again, and replaces the elements with these ids.
 *  @returns whether that was possible */
export async function refresh(ids) {
  let answer;
  try {
    answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  } catch {
    return false;
  }
  // Logged out meanwhile: the page of the login.
  if (answer.status === 401) window.location.reload();
  const read = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.getAttribute("href");
  for (const id of ids) {
    const [own, other] = [document.getElementById(id), read.getElementById(id)];
    if (own && other && own.innerHTML !== other.innerHTML) own.replaceWith(document.adoptNode(other));
  }
  if (focused && document.activeElement === document.body) {
    document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  return answer.ok || answer.status === 503;
}
