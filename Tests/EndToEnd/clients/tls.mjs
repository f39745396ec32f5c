// tls: a gateway over TLS as Node's https module sees it; an agent resumes sessions by itself.
//
//     node tls.mjs PORT AUTHORITY CERTIFICATE KEY
//
// Prints one `fact value` line for each thing it tried; the tests compare them.
import { readFileSync } from "node:fs";
import https from "node:https";

const [port, authority, certificate, key] = process.argv.slice(2);
const ca = readFileSync(authority);

/// One request through `agent`; resolves to what is known of its connection, and the body.
function ask(agent, options = {}) {
    return new Promise((resolve, reject) => {
        const request = https.get(
            { host: "localhost", port, path: "/livez", agent, ca, ...options },
            (answer) => {
                const socket = answer.socket;
                const facts = {
                    reused: socket.isSessionReused(),
                    version: socket.getProtocol(),
                    alpn: socket.alpnProtocol,
                    // A resumed session of TLS 1.2 brings no certificate.
                    name: socket.getPeerCertificate().subject?.CN,
                    body: "",
                };
                answer.setEncoding("utf8");
                answer.on("data", (text) => (facts.body += text));
                // The next request may use the session only when the connection has ended.
                answer.on("end", () => socket.once("close", () => resolve(facts)));
                if (answer.statusCode !== 200) reject(new Error(`status ${answer.statusCode}`));
            });
        request.on("error", reject);
    });
}

for (const label of ["1.2", "1.3"]) {
    const version = `TLSv${label}`;
    const agent = new https.Agent({
        keepAlive: false, minVersion: version, maxVersion: version,
        ALPNProtocols: ["h2", "http/1.1"],
    });
    const first = await ask(agent);
    const second = await ask(agent);
    console.log(`version-${label}`, first.version);
    console.log(`resumed-${label}`, second.reused && !first.reused);
    if (label === "1.3") console.log("alpn", first.alpn);
}
const plain = new https.Agent({ keepAlive: false });
console.log("name", (await ask(plain, { servername: "side.example" })).name);

const known = await ask(new https.Agent({ keepAlive: false }), {
    path: "/v1/modules/context/show", cert: readFileSync(certificate), key: readFileSync(key),
});
console.log("subject", JSON.parse(known.body).tls_subject);

await ask(new https.Agent({ keepAlive: false }), { ca: [] }).catch((error) => {
    if (error.code === "UNABLE_TO_VERIFY_LEAF_SIGNATURE") console.log("untrusted", "refused");
    else console.log("untrusted", error.code);
});
