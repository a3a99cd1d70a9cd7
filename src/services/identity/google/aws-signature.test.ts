import { describe, expect, it } from 'vitest';

import { signAwsRequest } from './aws-signature.ts';

const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const scope = {
  region: 'us-east-1',
  service: 'service',
  atMilliseconds: Date.UTC(2015, 7, 30, 12, 36, 0),
};
const request = { host: 'example.amazonaws.com', path: '/', query: '', headers: {} };

/** The examples that AWS publishes with Signature Version 4. */
describe('signAwsRequest', () => {
  it.each([
    ['GET', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['POST', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  ])('signs %s as AWS does', (method, signature) => {
    expect(signAwsRequest({ ...request, method }, credentials, scope)).toEqual({
      host: 'example.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
      authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
    });
  });

  it('signs a query as AWS does', () => {
    const query = 'Param1=value1&Param2=value2';
    const { authorization } = signAwsRequest({ ...request, method: 'GET', query }, credentials, scope);
    expect(authorization).toContain('b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500');
  });

  it('signs every header that it gives back', () => {
    const headers = { 'x-goog-cloud-target-resource': '//pool', 'x-amz-security-token': 'session' };
    const signed = signAwsRequest({ ...request, method: 'POST', headers }, credentials, scope);
    expect(signed['authorization']).toContain(
      'SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource,',
    );
    const other = signAwsRequest(
      { ...request, method: 'POST', headers: { ...headers, 'x-goog-cloud-target-resource': '//other' } },
      credentials,
      scope,
    );
    expect(other['authorization']).not.toBe(signed['authorization']);
  });

  it('has no secret in what it gives back', () => {
    expect(JSON.stringify(signAwsRequest({ ...request, method: 'POST' }, credentials, scope))).not.toContain(
      credentials.secretAccessKey,
    );
  });
});
