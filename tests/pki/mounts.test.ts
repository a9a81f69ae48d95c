import { expect, test } from 'vitest'
import { readMountPoints } from '../../src/files/mounts.js'

test('mount points are read with their blanks, and nothing else', () => {
  const mountinfo = [
    '22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw',
    '31 22 252:1 /root/a\\040b/server.crt /certs/my\\040certs/server.crt ro master:1 - ext4 /dev/vda1 rw',
    '32 22 0:30 / /tab\\011\\134x rw - tmpfs tmpfs rw',
    '',
  ].join('\n')
  expect([...readMountPoints(mountinfo)]).toEqual(['/', '/certs/my certs/server.crt', '/tab\t\\x'])
  expect(readMountPoints('').size).toBe(0)
})
