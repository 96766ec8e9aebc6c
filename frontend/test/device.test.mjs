import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceName } from '../src/pages/Accounts/device.ts';

test('a browser is called by its name and system, whatever else it claims to be', () => {
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
  const edge = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0';
  const safari = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1';
  assert.equal(deviceName(firefox), 'Firefox on Linux');
  assert.equal(deviceName(edge), 'Edge on Windows');
  assert.equal(deviceName(safari), 'Safari on iPhone');
});

test('what is no browser keeps its own words, not too many of them', () => {
  assert.equal(deviceName(null), 'Unknown device');
  assert.equal(deviceName('curl/8.1'), 'curl/8.1');
  assert.equal(deviceName('x'.repeat(200)).length, 61);
});
