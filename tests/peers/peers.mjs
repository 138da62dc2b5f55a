// The identity providers by name. All have the same shape: `name`, `connector` (its id in our catalogue), `host`,
// `entityId`, `metadataUrl`, and `register(metadata, options)`, which may come again with other options,
// `signIn(page, person)`, `signOut(page)`, `signedOut(page)`, `log()`, `stop()`. tests/tools/install pins their versions.
import { startKeycloak } from './keycloak.mjs';
import { startPysaml2 } from './pysaml2.mjs';
import { startSimpleSamlPhp } from './simplesamlphp.mjs';

const starts = { keycloak: startKeycloak, pysaml2: startPysaml2, simplesamlphp: startSimpleSamlPhp };

const wanted = (process.env.PEERS ?? 'simplesamlphp pysaml2 scim2-tester').split(' ');

/** The names of identity providers in PEERS, else the two that need nothing large. */
export const peerNames = wanted.filter((name) => name in starts);

/** Whether a program that speaks SCIM is to be tried; scim.test.mjs has them. */
export const isWanted = (name) => wanted.includes(name);

/** On `port`, else on a free one. */
export function startPeer(name, port) {
  const start = starts[name];
  if (!start) throw new Error(`unknown identity provider ${name}: there are ${Object.keys(starts).join(', ')}`);
  return start(port);
}

/** Runs `scenario` with a started peer and ends the peer; what failed carries the end of the peer's log. */
export async function withPeer(name, scenario) {
  const peer = await startPeer(name);
  try {
    await scenario(peer);
  } catch (error) {
    error.stack += `\nlog of ${name}:\n${peer.log().slice(-3000)}`;
    throw error;
  } finally {
    await peer.stop();
  }
}
