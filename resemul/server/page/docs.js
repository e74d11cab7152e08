// The interface as its own description says it, without anything from elsewhere.

function element(tag, text = "", parent = null) {
  const made = document.createElement(tag);
  made.textContent = text;
  parent?.append(made);
  return made;
}

function typeOf(schema = {}) {
  const kinds = schema.anyOf ?? [schema];
  return kinds.map((kind) => kind.enum?.join(" | ") ?? kind.const ?? kind.type)
    .filter((kind) => kind && kind !== "null").join(" or ");
}

function show(path, method, route) {
  const article = element("article");
  article.className = "song";
  element("h2", `${method.toUpperCase()} ${path}`, article);
  element("p", route.description ?? route.summary, article);
  const box = element("div", "", article);
  box.className = "table";
  if (route.parameters?.length) {
    const table = element("table", "", box);
    for (const { name, in: place, schema, description } of route.parameters) {
      const row = table.insertRow();
      row.insertCell().textContent = name;
      row.insertCell().textContent = `${typeOf(schema)}, in the ${place}`;
      row.insertCell().textContent = description ?? schema?.description ?? "";
    }
  }
  return article;
}

const { paths } = await (await fetch("openapi.json")).json();
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, route] of Object.entries(methods)) {
    document.querySelector("#routes").append(show(path, method, route));
  }
}
