import { describe, expect, test } from 'vitest'
import { desktopClients } from '../../src/desktop/clients.js'
import { entriesIn, type Written, withEntry, withoutEntry } from '../../src/desktop/edit.js'
import { NotUnderstood } from '../../src/desktop/source/source.js'
import { launch } from '../support/desktop.js'

const { cursor, codex, goose, opencode, amp } = desktopClients
const list = desktopClients.continue

/** Texts as clients and their users write them, with what is in them of ours afterwards. */
const texts: readonly (readonly [
  client: Written & { shape: typeof cursor.shape },
  texts: readonly string[],
])[] = [
  [
    cursor,
    [
      '{}',
      '{ }',
      '{\n}\n',
      '{"mcpServers":{}}',
      '{\n  "mcpServers": {}\n}\n',
      '{\n  "mcpServers": {\n  }\n}\n',
      '{"mcpServers":{"other":{"command":"x"}}}',
      '{\n  "mcpServers": {\n    "other": {\n      "command": "npx"\n    }\n  }\n}\n',
      '{\n\t"theme": "dark",\n\t"mcpServers": {\n\t\t"other": { "command": "npx" }\n\t}\n}',
      '{\r\n    "mcpServers": {\r\n        "other": { "command": "npx" }, // mine, with a comma\r\n    },\r\n}\r\n',
      '// my servers\n{\n  /* the list */ "mcpServers": {\n    "other": { "command": "npx" } // beside it\n    // under it, with a , comma\n  }\n}\n',
      '\ufeff{\n  "mcpServers": { "other": { "url": "https://example.org" } },\n  "z": [1, 2, /* three */ 3]\n}\n',
      '{ "a": { "mcpServers": { "weather": { "command": "no server here" } } } }',
      '{ "__proto__": { "x": 1 }, "a": 1, "a": 2 }',
      '{\n  "mcpServers": {\n    // nothing yet\n  }\n}\n',
    ],
  ],
  [
    amp,
    [
      '{\n  // Amp\n  "amp.url": "https://ampcode.com/",\n  "amp.mcpServers": {\n    "other": { "command": "npx" },\n  },\n}\n',
    ],
  ],
  [
    opencode,
    [
      '{\n  "$schema": "https://opencode.ai/config.json",\n  "mcp": {\n    "other": { "type": "remote", "url": "https://example.org" }\n  }\n}\n',
      '{\n  "mcp": {\n    "timeout": { "startup": 5 },\n    "servers": {\n      "other": { "type": "local", "command": ["npx"] }\n    }\n  }\n}\n',
      '{ "mcp": { "servers": { "type": "local", "command": ["a server with that name"] } } }',
    ],
  ],
  [
    codex,
    [
      'model = "o3" # the best\n',
      'model = "o3"',
      '# mine\r\nmodel = "o3"\r\n\r\n[mcp_servers.other] # other\r\ncommand = "npx"\r\nargs = [\r\n  "-y", # yes\r\n]\r\n\r\n[mcp_servers.other.env]\r\nA = "b"\r\n\r\n[projects."/home/me"]\r\ntrust_level = "trusted"\r\n# end\r\n',
      '[mcp_servers]\n',
      '[mcp_servers]\nother = { command = "x" }\n# end\n',
      'mcp_servers.other.command = "x"\n\n[tui]\nx = 1979-05-27T07:32:00Z\n\n\n',
      '[[many]]\nx = nan\n[[many]]\n',
    ],
  ],
  [
    goose,
    [
      'GOOSE_PROVIDER: anthropic # which\n',
      'GOOSE_PROVIDER: anthropic',
      'extensions:\n  developer:\n    enabled: true\n    type: builtin\n',
      'extensions:\n    developer: { enabled: true, type: builtin }\n    # under it\n\n# Models\nGOOSE_MODEL: "claude" # which\n',
      'a: 1\r\nextensions:\r\n  developer:\r\n    text: |\r\n      one\r\n      two\r\nb: 2\r\n',
      'extensions: {}\nb: 2\n',
      'extensions:\nb: 2\n',
      'extensions: { developer: { enabled: true } } # in braces\n',
      '---\n# head\nextensions:\n  "developer":\n    args: [a,\n      b]\n',
      'x: &all\n  enabled: true\nextensions:\n  developer: *all\n',
    ],
  ],
  [
    list,
    [
      'name: mine\nmcpServers:\n  - name: other\n    command: npx\n',
      'name: mine\nmcpServers:\n- name: other\n  command: npx # it\n- uses: somebody/theirs\nmodels: []\n',
      'name: mine\nmcpServers: []\n',
      'mcpServers: [{ name: other, command: npx }]\n',
    ],
  ],
]
const all = texts.flatMap(([client, some]) => some.map((text) => [client, text] as const))

const name = 'weather'

describe.each(all)('%#', (client, text) => {
  const entry = client.shape(launch({ TLS_KEY_PASSPHRASE_FILE: '/home/me/it\'s "secret"' }), name)

  test('a server is put in, and everything else is as it was', () => {
    const after = withEntry(client, text, name, entry)
    expect(entriesIn(client, after).get(name)).toEqual(entry)
    for (const [comment] of text.matchAll(/(?<=^|\s)(#|\/\/|\/\*).*/gm)) expect(after).toContain(comment)
    expect(/(?<!\r)\n/.test(after)).toBe(/(?<!\r)\n/.test(text) || !text.includes('\n'))
    expect(withEntry(client, after, name, entry)).toBe(after)
  })

  test('taken out again, the bytes are those of before', () => {
    const after = withEntry(client, text, name, entry)
    expect(withoutEntry(client, after, name, text)).toBe(text)
  })

  test('without a copy of before, at least all that was said is there again', () => {
    const after = withEntry(client, text, name, entry)
    const again = withoutEntry(client, after, name, 'something else') ?? ''
    expect(entriesIn(client, again).has(name)).toBe(false)
    // Put in again, it stands where it stood.
    expect(withEntry(client, again, name, entry)).toBe(after)
  })

  test('what came after it stays when it goes', () => {
    const second = client.shape(launch(), 'second')
    const both = withEntry(client, withEntry(client, text, name, entry), 'second', second)
    const one = withoutEntry(client, both, name, undefined) ?? ''
    expect(entriesIn(client, one).get('second')).toEqual(second)
    expect(entriesIn(client, one).has(name)).toBe(false)
    expect(withoutEntry(client, both, 'second', undefined)).toBe(withEntry(client, text, name, entry))
  })

  test('one that was changed is brought up to date in its place', () => {
    const other = client.shape(launch({ OTHER: 'x' }), name)
    const after = withEntry(client, withEntry(client, text, name, entry), name, other)
    expect(entriesIn(client, after).get(name)).toEqual(other)
    expect(withoutEntry(client, after, name, text)).toBe(text)
  })
})

test.each([cursor, codex, goose, list])(
  '$title: a file that was not there goes with its one server',
  (client) => {
    const entry = client.shape(launch(), name)
    for (const empty of [undefined, '', ' \n\n']) {
      const text = withEntry(client, empty, name, entry)
      expect(entriesIn(client, text).get(name)).toEqual(entry)
      expect(withoutEntry(client, text, name, empty)).toBe(empty)
    }
  },
)

test('Codex adds a server behind ours: ours goes, and leaves the other as Codex wrote it', () => {
  const theirs = '[mcp_servers.foo]\ncommand = "echo"\n'
  const ours = withEntry(codex, undefined, name, codex.shape(launch(), name))
  expect(withoutEntry(codex, `${ours}\n${theirs}`, name, undefined)).toBe(theirs)
  const between = `model = "o3"\n\n${ours}\n${theirs}`
  expect(withoutEntry(codex, between, name, undefined)).toBe(`model = "o3"\n\n${theirs}`)
})

test('a file of comments alone keeps them', () => {
  const text = withEntry(cursor, '// nothing yet\n', name, { command: 'x' })
  expect(text.startsWith('// nothing yet\n{\n')).toBe(true)
  expect(withoutEntry(cursor, text, name, '// nothing yet\n')).toBe('// nothing yet\n')
})

test('a change that would change something else is not made', () => {
  const text = 'extensions:\n  weather: &ours\n    cmd: node\n  other: *ours\n'
  const unsafe = expect.objectContaining({ message: 'is written in a way that cannot be changed safely' })
  expect(() => withoutEntry(goose, text, name, undefined)).toThrow(unsafe)
  expect(() => withEntry(goose, text, name, { cmd: 'other' })).toThrow(unsafe)
})

/** A few lines that would be a billion. */
const bomb = Array.from({ length: 12 }, (_, at) =>
  at === 0
    ? 'a0: &a0 [x, x]'
    : `a${at}: &a${at} [${Array(10)
        .fill(`*a${at - 1}`)
        .join(', ')}]`,
).join('\n')

test.each<readonly [Written, text: string, place: string, what: RegExp]>([
  [cursor, '{\n  "a": 1\n  "b": 2\n}', '3:3', /not valid JSON \(comma expected\)/],
  [cursor, '{ "mcpServers": {', '1:18', /not valid JSON \(close brace expected\)/],
  [cursor, 'null', '1:1', /null where the file should be an object/],
  [cursor, '\n [1, 2]', '2:2', /an array where the file should be an object/],
  [cursor, '{\n"mcpServers": []\n}', '2:15', /an array where "mcpServers" should be an object/],
  [cursor, '{"mcpServers": null}', '1:16', /null where "mcpServers" should be/],
  [cursor, '{"mcpServers": {},\n "mcpServers": {}}', '2:2', /has "mcpServers" twice/],
  [cursor, '{"mcpServers": {"a": 1,\n\t"a": 2}}', '2:2', /has "a" twice/],
  [cursor, '{} {}', '1:4', /not valid JSON \(end of file expected\)/],
  [codex, 'a = 1\nb = = 2\n', '2:5', /not valid TOML/],
  [codex, 'a = 1\na = 2\n', '2:1', /not valid TOML/],
  [codex, 'x = 1\nmcp_servers = 5\n', '2:1', /something else where "mcp_servers" should be a table/],
  [codex, 'mcp_servers = { weather = { command = "x" } }\n', '1:1', /inline table/],
  [codex, 'mcp_servers = { other = { command = "x" } }\n', '1:1', /inline table/],
  [goose, 'a: [1\nb: 2\n', '2:1', /not valid YAML/],
  [goose, 'a: 1\na: 2\n', '2:1', /not valid YAML/],
  [goose, '- a\n', '1:1', /should be a map/],
  [goose, 'extensions:\n  - a\n', '2:3', /should be a map/],
  [list, 'mcpServers:\n  a: 1\n', '2:3', /should be a list/],
  [list, 'mcpServers:\n  - name: a\n  - name: a\n', '3:5', /has "a" twice/],
  [goose, bomb, '1:1', /too many aliases/],
  [goose, '{ a: 1 }\n', '1:1', /written in braces/],
  [goose, 'a: 1\n...\n', '2:1', /ends with "\.\.\."/],
  [goose, 'a: 1\n---\nb: 2\n', '2:1', /not valid YAML/],
])('%#: what is not understood is refused, with its place', (client, text, place, what) => {
  let thrown: unknown
  try {
    withEntry(client, text, name, { command: 'x' })
  } catch (error) {
    thrown = error
  }
  if (!(thrown instanceof NotUnderstood)) throw thrown ?? new Error('it was understood')
  expect(`${thrown.line}:${thrown.column}`).toBe(place)
  expect(thrown.message).toMatch(what)
})
