for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;

const answer = await fetch("/demo.json");
const logins = answer.ok ? await answer.json() : [];
const section = document.querySelector("#logins");
for (const { label, email, password } of logins) {
  const row = section.querySelector("tbody").insertRow();
  for (const text of [label, email, password]) row.insertCell().textContent = text;
}
section.hidden = logins.length === 0;
