import { createHmac, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { verifyToken } from '../../../src/handlers/approval/index.js';
import { EXPECTED, forge, partsOf, PLAN, settingsFor, signer, type Told, tokenBy } from '../../support/signing.js';

const ana = signer('EdDSA');
const p256 = signer('ES256');
const rsa = signer('RS256');
const stranger = signer('EdDSA');
const SETTINGS = settingsFor([ana, p256, rsa]);
const now = () => Math.floor(Date.now() / 1000);

describe('a signed decision', () => {
  it.each([ana, p256, rsa])('counts when a known key signed it with $algorithm', async (key) => {
    const verdict = await verifyToken(await tokenBy(key, { claims: { comment: 'fine', resolve: { m1: 'applied' } } }), EXPECTED, SETTINGS);
    expect(verdict).toMatchObject({ ok: true, key_id: `key-${[ana, p256, rsa].indexOf(key)}`, claims: { sub: 'ana@example.com', comment: 'fine', resolve: { m1: 'applied' } } });
  });

  it.each(['id', 'thumbprint', 'kid'])('may name its key by %s', async (how) => {
    const [first, second] = settingsFor([ana, stranger]).keys;
    const keys = [{ ...first!, jwk: { ...first!.jwk, kid: 'laptop' } }, second!];
    const kid = { id: first!.id, thumbprint: first!.thumbprint, kid: 'laptop' }[how]!;
    expect(await verifyToken(await tokenBy(ana, { header: { kid } }), EXPECTED, { ...SETTINGS, keys })).toMatchObject({ ok: true, key_id: first!.id });
  });

  it.each<[string, Told, RegExp]>([
    ['of another operation', { claims: { operation: 'release-418' } }, /another operation/],
    ['of another run of the operation', { claims: { run: 'run-0' } }, /another run/],
    ['that names no run and is older than the run', { claims: { iat: now() - 3600 } }, /before this was asked/],
    ['of another plan', { claims: { plan: '0'.repeat(64) } }, /another plan/],
    ['of a part of the plan hash', { claims: { plan: PLAN.slice(0, 12) } }, /whole plan hash/],
    ['of another decision', { claims: { decision: 'reject' } }, /says reject, it was sent as approve/],
    ['that has expired', { claims: { iat: now() - 50, exp: now() - 40 } }, /has expired/],
    ['that is not valid yet', { claims: { nbf: now() + 300 } }, /not valid yet/],
    ['from the future', { claims: { iat: now() + 300 } }, /future|iat/],
    ['that holds for months', { claims: { exp: now() + 90 * 86_400 } }, /seven days/],
    ['without expiry', { claims: { exp: undefined } }, /lacks exp/],
    ['without jti', { claims: { jti: undefined } }, /lacks jti/],
    ['of nobody', { claims: { sub: undefined } }, /lacks sub/],
    ['for another audience', { claims: { aud: 'another' } }, /another audience/],
    ['without audience', { claims: { aud: undefined } }, /lacks aud|audience/],
    ['of somebody the key may not sign for', { claims: { sub: 'bob@example.com' } }, /may not sign for this name/],
    ['of a name that only looks like one', { claims: { sub: 'ana@example.com.evil.org' } }, /may not sign for this name/],
    ['with a key that is not known', { header: { kid: 'another' } }, /not known here/],
  ])('%s is refused', async (_name, told, reason) => {
    const verdict = await verifyToken(await tokenBy(ana, told), EXPECTED, SETTINGS);
    expect(verdict).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  it('of another issuer is refused, and of none', async () => {
    const settings = { ...SETTINGS, issuer: 'https://login.example.com' };
    expect(await verifyToken(await tokenBy(ana, { claims: { iss: 'https://login.example.com' } }), EXPECTED, settings)).toMatchObject({ ok: true });
    expect(await verifyToken(await tokenBy(ana, { claims: { iss: 'https://evil.example.com' } }), EXPECTED, settings)).toMatchObject({ ok: false, reason: 'the token is of another issuer' });
    expect(await verifyToken(await tokenBy(ana), EXPECTED, settings)).toMatchObject({ ok: false, reason: expect.stringMatching(/lacks iss|another issuer/) });
  });

  it('by a stranger is refused, also when it brings its own key along', async () => {
    expect(await verifyToken(await tokenBy(stranger), EXPECTED, SETTINGS)).toMatchObject({ ok: false, by: 'ana@example.com', reason: 'the signature is not that of the key' });
    const bringing = await tokenBy(stranger, { header: { jwk: stranger.known.jwk, kid: 'mine' } });
    expect(await verifyToken(bringing, EXPECTED, SETTINGS)).toMatchObject({ ok: false, reason: 'the key that signed it is not known here' });
  });

  it('that was changed after it was signed is refused', async () => {
    const { header, claims, signature } = partsOf(await tokenBy(ana, { claims: { sub: 'eve@dba.example.com' } }));
    expect(await verifyToken(forge(header, { ...claims, sub: 'ana@example.com' }, signature), EXPECTED, SETTINGS)).toMatchObject({ ok: false, reason: 'the signature is not that of the key' });
  });

  it.each(['none', 'None', 'NONE', ''])('without a signature (alg %j) is refused', async (alg) => {
    const { claims } = partsOf(await tokenBy(ana));
    for (const signature of ['', 'AAAA']) expect(await verifyToken(forge({ alg }, claims, signature), EXPECTED, SETTINGS)).toMatchObject({ ok: false });
  });

  it.each(['HS256', 'HS384', 'HS512'])('made with %s and the public key as its secret is refused', async (alg) => {
    const { claims } = partsOf(await tokenBy(rsa));
    const header = { alg, typ: 'JWT' };
    const signed = forge(header, claims, '').slice(0, -1);
    for (const secret of [rsa.pem, rsa.pem.trim(), JSON.stringify(rsa.known.jwk)]) {
      const signature = createHmac(`sha${alg.slice(2)}`, secret).update(signed).digest('base64url');
      expect(await verifyToken(`${signed}.${signature}`, EXPECTED, SETTINGS)).toMatchObject({ ok: false, reason: 'the token must be signed with EdDSA, ES256, RS256' });
    }
  });

  it('that wants an extension understood that is not is refused', async () => {
    const signed = forge({ alg: 'EdDSA', crit: ['approver'], approver: 'eve' }, partsOf(await tokenBy(ana)).claims, '').slice(0, -1);
    const token = `${signed}.${sign(null, Buffer.from(signed), ana.privateKey).toString('base64url')}`;
    expect(await verifyToken(token, EXPECTED, settingsFor([ana]))).toMatchObject({ ok: false, reason: 'the token wants something that is not supported (crit)' });
  });

  it('whose algorithm is not that of the key it names is refused', async () => {
    expect(await verifyToken(await tokenBy(rsa, { header: { alg: 'PS256', kid: 'key-2' } }), EXPECTED, SETTINGS)).toMatchObject({ ok: false, reason: /must be signed with/ });
    expect(await verifyToken(await tokenBy(ana, { header: { kid: 'key-1' } }), EXPECTED, SETTINGS)).toMatchObject({ ok: false, reason: 'the algorithm EdDSA is not that of the key' });
  });

  it.each(['', 'x', 'a.b', 'a.b.c', 'a.b.c.d.e', '...', `${'A'.repeat(5000)}.B.C`, 'eyJhbGciOiJFZERTQSJ9.e30.'])('that is none (%#) is refused, not thrown', async (token) => {
    expect(await verifyToken(token, EXPECTED, SETTINGS)).toMatchObject({ ok: false, by: null });
  });
});

describe('the key set of an issuer', () => {
  const settings = (url: string) => settingsFor([], { issuer: 'login', jwks_url: url });

  it('that cannot be fetched makes nothing known, and refuses nothing', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    afterAll(() => server.close());
    const token = await tokenBy(ana, { claims: { iss: 'login', jti: randomUUID() } });
    const { port } = server.address() as AddressInfo;
    await expect(verifyToken(token, EXPECTED, settings(`https://127.0.0.1:${port}/jwks.json`))).rejects.toMatchObject({ name: 'KeysUnavailable', message: `the key set of 127.0.0.1:${port} cannot be fetched now` });
  });
});
