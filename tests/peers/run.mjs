// An identity provider to try things with by hand:
//
//   make idp
//
// prints its metadata URL and who can sign in, then registers each service provider whose metadata URL is typed in,
// until Ctrl-C.
import { createInterface } from 'node:readline';
import { people } from './people.mjs';
import { startPeer } from './peers.mjs';

const peer = await startPeer(process.argv[2] ?? 'simplesamlphp', 8181);
const names = Object.entries(people).map(([name, { password }]) => `${name} (${password})`);
console.log(`${peer.name}: ${peer.metadataUrl}`);
console.log(`Doorward fetches that if it was started with DOORWARD_OUTBOUND_ALLOW=${peer.host}`);
console.log(`Who can sign in: ${names.join(', ')}`);
console.log("Paste the service provider's metadata URL:");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const answer = await fetch(line.trim());
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    await peer.register(await answer.text());
    console.log('Registered.');
  } catch (error) {
    console.log(`Not registered: ${error.message}`);
  }
}
await peer.stop();
