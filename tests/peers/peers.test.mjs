// The identity providers by themselves: a request of ours, a person at their page, a response that xmlsec1 verifies.
// When a sign-in through one of them fails, this says whose fault it is.
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { launchBrowser } from '../browser/harness.mjs';
import { peerNames, withPeer } from './peers.mjs';
import { makeKeyPair, run, temporaryFolder } from './process.mjs';

let browser, folder, remove;
before(async () => {
  browser = await launchBrowser();
  ({ folder, remove } = await temporaryFolder('peers'));
});
after(async () => {
  await browser.close();
  await remove();
});

for (const name of peerNames) {
  test(`${name} answers a signed request with a signed response`, () =>
    withPeer(name, async (peer) => {
      const sp = await startServiceProvider(folder, name);
      const metadata = await (await fetch(peer.metadataUrl)).text();
      await peer.register(sp.metadata);
      const page = await browser.newPage();
      await page.goto(sp.requestUrl(metadata));
      await peer.signIn(page, 'alice');
      const response = await sp.nextResponse();
      sp.stop();

      assert.match(response, /alice@example\.test/);
      assert.ok(response.includes(sp.acsUrl) && response.includes(sp.entityId));
      const certificate = metadata.match(/X509Certificate>([^<]+)</)[1].replace(/\s/g, '');
      await verify(response, certificate, 'protocol', 'Response');
      await verify(response, certificate, 'assertion', 'Assertion');
    }));
}

async function verify(response, certificate, space, element) {
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
  await writeFile(join(folder, 'idp.pem'), pem);
  await writeFile(join(folder, 'response.xml'), response);
  const id = `urn:oasis:names:tc:SAML:2.0:${space}:${element}`;
  const signature = `//*[local-name()='${element}']/*[local-name()='Signature']`;
  const args = ['--verify', '--pubkey-cert-pem', join(folder, 'idp.pem'), '--id-attr:ID', id, '--node-xpath', signature];
  await run('xmlsec1', [...args, join(folder, 'response.xml')]);
}

/** The smallest service provider: one signed request, one response caught. */
async function startServiceProvider(folder, name) {
  const { key, certificate } = await makeKeyPair(folder, `sp-${name}`);
  const bare = (await readFile(certificate, 'utf8')).replace(/-----[^-]+-----|\s/g, '');
  let arrived;
  const nextResponse = new Promise((resolve) => (arrived = resolve));
  const server = createServer(async (request, answer) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const field = new URLSearchParams(body).get('SAMLResponse');
    answer.setHeader('connection', 'close').end('signed in');
    if (field) arrived(Buffer.from(field, 'base64').toString());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref(); // a failed test does not wait for it
  const url = `http://127.0.0.1:${server.address().port}`;
  const entityId = `${url}/saml/con_test`;
  const acsUrl = `${entityId}/acs`;
  const privateKey = await readFile(key, 'utf8');
  return {
    entityId,
    acsUrl,
    metadata: `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}">
      <SPSSODescriptor AuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
        <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${bare}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
        <AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${acsUrl}" index="0"/>
      </SPSSODescriptor></EntityDescriptor>`,
    nextResponse: () => nextResponse,
    requestUrl: (idpMetadata) => signedRequest(idpMetadata, { entityId, acsUrl, privateKey }),
    stop: () => server.close(),
  };
}

function signedRequest(idpMetadata, { entityId, acsUrl, privateKey }) {
  const service = idpMetadata.match(/<[^<]*SingleSignOnService[^>]*HTTP-Redirect"[^>]*>/)[0];
  const ssoUrl = service.match(/Location="([^"]+)"/)[1];
  const request = `<AuthnRequest xmlns="urn:oasis:names:tc:SAML:2.0:protocol" ID="_${crypto.randomUUID()}" Version="2.0"
    IssueInstant="${new Date().toISOString()}" Destination="${ssoUrl}" AssertionConsumerServiceURL="${acsUrl}"
    ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST">
    <Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">${entityId}</Issuer></AuthnRequest>`;
  const query = new URLSearchParams({
    SAMLRequest: deflateRawSync(request).toString('base64'),
    RelayState: 'state',
    SigAlg: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  }).toString();
  const signature = createSign('RSA-SHA256').update(query).sign(privateKey, 'base64');
  return `${ssoUrl}?${query}&Signature=${encodeURIComponent(signature)}`;
}
