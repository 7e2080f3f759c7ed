// Does with Holochain's own JavaScript client what a program does that knows nothing of Commonhold.
//
//   node client.mjs ADMIN_URL APP SEED_IN_HEX
//
// Prints one JSON object with what it saw. Exit status: 0 when nothing threw.

import { AdminWebsocket, AppWebsocket, setSigningCredentials } from "@holochain/client";
import sodium from "libsodium-wrappers";

const [admin, app, seed] = process.argv.slice(2);
const wsClientOptions = { origin: "a test" };

const conductor = await AdminWebsocket.connect({ url: new URL(admin), wsClientOptions });
const apps = await conductor.listApps({});
const made = await conductor.generateAgentPubKey();
const interfaces = await conductor.listAppInterfaces();
const { port } = await conductor.attachAppInterface({ allowed_origins: "*" });
const { token } = await conductor.issueAppAuthenticationToken({ installed_app_id: app });
const socket = await AppWebsocket.connect({
  url: new URL(`ws://127.0.0.1:${port}`),
  token,
  wsClientOptions,
});
const info = await socket.appInfo();
const cell = info.cell_info.commonhold[0].value.cell_id;

await sodium.ready;
const keyPair = sodium.crypto_sign_seed_keypair(sodium.from_hex(seed));
setSigningCredentials(cell, { capSecret: null, keyPair, signingKey: cell[1] });

const heard = new Promise((resolve) => {
  socket.on("signal", (signal) => resolve(signal));
});
const write = {
  type: "create",
  kind: "note",
  version: 1,
  body: new TextEncoder().encode("from a browser"),
  visibility: "Public",
};
const call = (fn_name, payload) =>
  socket.callZome({ cell_id: cell, zome_name: "commonhold", fn_name, payload });
const record = await call("write", write);
const signal = await heard;
const head = await call("head", null);
let refusal = null;
try {
  await call("no_such_function", null);
} catch (error) {
  refusal = String(error.message ?? error);
}

console.log(
  JSON.stringify({
    apps: apps.map((each) => [each.installed_app_id, each.status.type]),
    madeBytes: made.length,
    interfaces: interfaces.length,
    app: info.installed_app_id,
    seq: record.signed_action.hashed.content.header.action_seq,
    signalType: signal.type,
    signalZome: signal.value.zome_name,
    signalSeq: signal.value.payload.seq,
    headSeq: head.seq,
    refusal,
  }),
);
process.exit(0);
