// A SCIM target by SCIMMY (https://scimmyjs.github.io), which keeps its resources in memory.
//
// SCIMMY speaks the protocol: schemas, filters, PATCH, lists, errors. What stands here is the storage it asks for.
// Usage, in the folder with `node_modules`: node --input-type=module - TOKEN <scimmy.mjs
// The first line says where it serves; it ends with its process.

import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const token = process.argv.at(-1);

/** Keeps the resources of a type; where `unique` names an attribute, no two have the same value of it. */
function keep(type, unique) {
    const kept = new Map();
    const found = (id) => {
        if (!kept.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        return kept.get(id);
    };
    const clashes = (id, data) => unique && [...kept.values()].some((other) =>
        other.id !== id && other[unique].toLowerCase() === data[unique].toLowerCase());
    SCIMMY.Resources.declare(type)
        .ingress((resource, data) => {
            const id = resource.id ?? randomUUID();
            const now = new Date().toISOString();
            const created = resource.id ? found(id).meta.created : now;
            if (clashes(id, data)) throw new SCIMMY.Types.Error(409, "uniqueness", `${unique} is taken`);
            kept.set(id, { ...JSON.parse(JSON.stringify(data)), id, meta: { created, lastModified: now } });
            return kept.get(id);
        })
        .egress((resource) => (resource.id ? found(resource.id) : [...kept.values()]))
        .degress((resource) => {
            found(resource.id);
            kept.delete(resource.id);
        });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser);
keep(SCIMMY.Resources.User, "userName");
keep(SCIMMY.Resources.Group);

const app = express();
app.use("/scim", new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("the token is not known");
        return "gateway";
    },
}));
const server = app.listen(0, "127.0.0.1", () => {
    console.log(`serving SCIM 2.0 at http://127.0.0.1:${server.address().port}/scim`);
});
