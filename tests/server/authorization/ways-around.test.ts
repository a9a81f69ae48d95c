import { describe, expect, test } from 'vitest'
import { type Era, everyKindAndEra, guarded, kinds, type Said, said, speaker } from '../../support/guarded.js'

/** Something that an agent says to run, read or see what it may not. */
interface Way {
  readonly said: Said
  /** Who says it; default the one who may use `read`. */
  readonly agent?: 'reporting' | 'admin'
  /** What may run of it all the same. */
  readonly may?: readonly string[]
  /** The forbidden name may come to the server behind, in a place where it means nothing. */
  readonly isInert?: boolean
}

type Ways = Readonly<Record<string, Way>>

const call = (era: Era, name: string, id: unknown = 1) => said(era, 'tools/call', { name, arguments: {} }, id)

/** A call of `write` with some of its text replaced. */
const edited = (era: Era, from: string, to: string, headers: Record<string, string | string[]> = {}) => {
  const { body, headers: own } = call(era, 'write')
  if (!body.includes(from)) throw new Error(`${from} is not in ${body}`)
  return { said: { body: body.replace(from, to), headers: { ...own, ...headers } } }
}

const forbidden = (era: Era): Ways => ({
  'a tool': { said: call(era, 'write') },
  'a prompt': { said: said(era, 'prompts/get', { name: 'secret' }) },
  'a resource': { said: said(era, 'resources/read', { uri: 'file:///srv/private/a' }) },
  'completion of a prompt': {
    said: said(era, 'completion/complete', {
      ref: { type: 'ref/prompt', name: 'secret' },
      argument: { name: 'name', value: 'a' },
    }),
  },
  'completion of a template': {
    said: said(era, 'completion/complete', {
      ref: { type: 'ref/resource', uri: 'file:///srv/diaries/{title}' },
      argument: { name: 'title', value: 'a' },
    }),
  },
  'completion of a prompt that names an allowed template too': {
    said: said(era, 'completion/complete', {
      ref: { type: 'ref/prompt', name: 'secret', uri: 'file:///srv/books/{title}' },
      argument: { name: 'name', value: 'a' },
    }),
  },
  ...Object.fromEntries(
    ['ref/tool', 'REF/PROMPT', 'ref/prompt ', undefined, null, ['ref/prompt']].map((type) => [
      `completion of the kind ${JSON.stringify(type)}`,
      {
        said: said(era, 'completion/complete', {
          ref: { type, name: 'secret', uri: 'file:///srv/books/{title}' },
          argument: { name: 'name', value: 'a' },
        }),
      },
    ]),
  ),
  'positional parameters': edited(era, '{"name":"write","arguments":{}', '{"0":"write"'),
  'a subscription': { said: said(era, 'resources/subscribe', { uri: 'file:///srv/private/a' }) },
  'the end of a subscription': {
    said: said(era, 'resources/unsubscribe', { uri: 'file:///srv/private/a' }),
  },
  'a stream of news of an allowed and a forbidden resource': {
    said: said(era, 'subscriptions/listen', {
      notifications: { resourceSubscriptions: ['file:///srv/public/a', 'file:///srv/private/a'] },
    }),
  },
  'a stream of news of what is no list': {
    said: said(era, 'subscriptions/listen', {
      notifications: { resourceSubscriptions: { 0: 'file:///srv/private/a', length: 1 } },
    }),
  },
})

const headersAndBodies = (era: Era): Ways => {
  const read = call(era, 'read')
  const told = (headers: Record<string, string | string[]>) => ({
    said: { ...read, headers: { ...read.headers, ...headers } },
  })
  return {
    'the header names what is allowed': edited(era, '"write"', '"write"', { 'mcp-name': 'read' }),
    'the header names what is forbidden': told({ 'mcp-name': 'write' }),
    'the header names it in base64': told({ 'mcp-name': '=?base64?d3JpdGU=?=' }),
    'the header names it in base64 of its own kind': told({ 'mcp-name': '=?BASE64?d3JpdGU=?=' }),
    'the header stands there twice': told({ 'mcp-name': ['read', 'write'] }),
    'the header stands there twice, the other way': told({ 'mcp-name': ['write', 'read'] }),
    'the header names another method': told({ 'mcp-method': 'tools/list', 'mcp-name': 'write' }),
    'the header has the method twice': told({ 'mcp-method': ['tools/call', 'tools/list'] }),
    'the header says that it is a list': edited(era, '"write"', '"write"', { 'mcp-method': 'tools/list' }),
  }
}

const duplicateKeys = (era: Era): Ways => ({
  'the name twice': edited(era, '"name":"write"', '"name":"read","name":"write"', { 'mcp-name': 'read' }),
  'the name twice, as the header has it': edited(era, '"name":"write"', '"name":"read","name":"write"'),
  'the name twice, the allowed one last': {
    ...edited(era, '"name":"write"', '"name":"write","name":"read"', {
      ...(era === 'modern' && { 'mcp-name': 'read' }),
    }),
    may: ['read'],
  },
  'the name twice, once escaped': edited(era, '"name":"write"', '"name":"read","\\u006eame":"write"'),
  'the method twice': edited(era, '"method":"tools/call"', '"method":"tools/list","method":"tools/call"'),
  'the params twice': edited(era, '"params":', '"params":{"name":"read"},"params":'),
  'the id twice': edited(era, '"id":1', '"id":null,"id":1'),
  'the id twice, none last': edited(era, '"id":1', '"id":1,"id":null'),
})

const otherWords = (era: Era): Ways =>
  Object.fromEntries([
    ...[
      'Write',
      'WRITE',
      'Read',
      'reаd', // Cyrillic
      'ｒｅａｄ',
      'read\u200b',
      'read ',
      ' read',
      '\ufeffread',
      're\u0301ad',
      'ré ad',
      'read/write',
      'read,write',
      'read\u0000',
      'read\u0000write',
      'read\nwrite',
      'write\ud800',
      '',
      '*',
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
    ].map((name) => [`the tool ${JSON.stringify(name)}`, { said: call(era, name) }]),
    // Whoever may use every name may use none that a program could read as another.
    ...['read\u0000', 'wri\u0000te', 'write\n', 'write\u0085', '\u0007write'].map((name) => [
      `the tool ${JSON.stringify(name)}, of one who may use all`,
      { said: call(era, name), agent: 'admin' },
    ]),
    ...[
      'TOOLS/CALL',
      'Tools/Call',
      'tools/call ',
      ' tools/call',
      'tools/call\u0000',
      'tools/call/',
      'tools//call',
      'tools\\/call',
      'tооls/call', // Cyrillic
      '__proto__',
      'constructor',
      'toString',
      'tools/run',
      'tasks/get',
      'tasks/result',
      'tasks/list',
      'x/y',
      'roots/list',
      'sampling/createMessage',
      'elicitation/create',
      'rpc.discover',
      '',
    ].map((method) => [
      `the method ${JSON.stringify(method)}`,
      { said: { ...said(era, method, { name: 'write', uri: 'file:///srv/private/a', taskId: 'write' }) } },
    ]),
    ...[['write'], { toString: 'write' }, null, 7, true].map((name) => [
      `a name that is ${JSON.stringify(name)}`,
      { said: said(era, 'tools/call', { name, arguments: { name: 'write' } }) },
    ]),
  ])

const prototypes = (era: Era): Ways => ({
  'the name in a prototype': edited(era, '"name":"write"', '"__proto__":{"name":"write"}'),
  'another name in a prototype': {
    ...edited(era, '"name":"write"', '"name":"read","__proto__":{"name":"write"}', {
      ...(era === 'modern' && { 'mcp-name': 'read' }),
    }),
    may: ['read'],
    isInert: true,
  },
  'the name in a constructor': edited(era, '"name":"write"', '"constructor":{"prototype":{"name":"write"}}'),
  'the params in a prototype': edited(era, '"params":', '"__proto__":{"params":{"name":"write"}},"parms":'),
  'the method in a prototype': edited(era, '"method":"tools/call"', '"__proto__":{"method":"tools/call"}'),
  'all of it in a prototype': {
    said: { ...call(era, 'write'), body: `{"__proto__":${call(era, 'write').body}}` },
  },
})

const notCalls = (era: Era): Ways => ({
  'without an id': edited(era, '"id":1,', ''),
  ...Object.fromEntries(
    [null, {}, [], [1], true, false, { id: 1 }].map((id) => [
      `with the id ${JSON.stringify(id)}`,
      { said: call(era, 'write', id) },
    ]),
  ),
  'as an answer': edited(era, '"jsonrpc"', '"result":{},"jsonrpc"'),
  'as an error': edited(era, '"jsonrpc"', '"error":{"code":1,"message":"write"},"jsonrpc"'),
  'as an answer without an id': edited(era, '"id":1', '"result":{}'),
  'of another JSON-RPC': edited(era, '"2.0"', '"1.0"'),
  'as text': { said: { ...call(era, 'write'), body: JSON.stringify(call(era, 'write').body) } },
  'with a method that is a list': edited(era, '"tools/call"', '["tools/call"]'),
  'in another object': {
    said: { ...call(era, 'write'), body: `{"message":${call(era, 'write').body}}` },
  },
  'behind a mark': { said: { ...call(era, 'write'), body: `\ufeff${call(era, 'write').body}` } },
  'twice in one body': {
    said: { ...call(era, 'read'), body: `${call(era, 'read').body}\n${call(era, 'write').body}` },
  },
})

const uris = [
  'file:///srv/private/a',
  'file:///srv/public/../private/a',
  'file:///srv/public/./../private/a',
  'file:///srv/public/%2e%2e/private/a',
  'file:///srv/public/%2E%2E/private/a',
  'file:///srv/public/..%2fprivate/a',
  'file:///srv/public/..%2Fprivate%2Fa',
  'file:///srv/public/%252e%252e%252fprivate%252fa',
  'file:///srv/public\\..\\private\\a',
  'file:///srv/public/..\\private\\a',
  'file:///srv/public/..%5cprivate%5ca',
  'file:///srv/public/..',
  'file:///srv/public/.',
  'file:///srv/public/..;/private/a',
  'file:///srv/public/..;a=b/private/a',
  'file:///srv/public/%25252e%25252e/private/a',
  'file:///srv/public/a?../../private/a',
  'file:///srv/public/?/../../private/a',
  'file:///srv/public/#/../../private/a',
  'file:///srv/public/a#/../private/a',
  'file:///srv/public/a\u0000../private/a',
  'file:///srv/public/\t../private/a',
  'file:///srv/public/.\n./private/a',
  'file:///srv/public/a\n',
  'FILE:///srv/private/a',
  'File:///srv/public/a',
  'file://localhost/srv/public/a',
  'file:/srv/public/a',
  'file:////srv/public/a',
  'file:///SRV/public/a',
  'file:///srv//public/a',
  ' file:///srv/public/a',
  'file:///srv/public/a ',
  '/srv/public/a',
  'file:///srv/public/',
]

const addresses = (era: Era): Ways =>
  Object.fromEntries(
    uris.flatMap((uri) => [
      [`read ${JSON.stringify(uri)}`, { said: said(era, 'resources/read', { uri }) }],
      [`subscribe to ${JSON.stringify(uri)}`, { said: said(era, 'resources/subscribe', { uri }) }],
    ]),
  )

const groups = {
  forbidden,
  headersAndBodies,
  duplicateKeys,
  otherWords,
  prototypes,
  notCalls,
  addresses,
}

describe.each(everyKindAndEra)('before %s, %s clients', (kind, era) => {
  test('no other words for a call let it pass', { timeout: 60_000 }, async () => {
    const library = await guarded(kind)
    const speakers = {
      reporting: await speaker(library, 'reporting', era),
      admin: await speaker(library, 'admin', era),
    }
    const through: unknown[] = []
    for (const [group, waysOf] of Object.entries(groups))
      for (const [name, { said, agent = 'reporting', may = [], isInert }] of Object.entries(waysOf(era))) {
        const [ran, came] = [library.ran.length, library.came.length]
        const { status, body } = await speakers[agent].say(said)
        const hasRun = library.ran.slice(ran).filter((one) => !may.includes(one))
        const hasCome = library.came
          .slice(came)
          .filter((text) => !isInert && /write|private|secret/.test(text))
        if (hasRun.length > 0 || hasCome.length > 0 || status >= 500)
          through.push({ group, name, hasRun, hasCome, status, body })
      }
    expect(through).toEqual([])
    await speakers.reporting.say(call(era, 'read'))
    expect(library.ran.at(-1)).toBe('read')
    await speakers.admin.say(call(era, 'write'))
    expect(library.ran.at(-1)).toBe('write')
  })
})

/** Reporting may read all but one resource. */
const allButOne = (denied: string) => ({
  rules: [
    { allow: ['anyone'], resources: ['*'] },
    { deny: ['anyone'], resources: [denied] },
  ],
})

describe.each(kinds)('before %s', (kind) => {
  test.each([
    'file:///srv/private/a',
    'file:///srv/private/*',
    'file:///srv/private/**',
    'FILE:///srv/private/a',
  ])('what is denied as %s is denied however it is spelled', async (denied) => {
    const library = await guarded(kind, { policy: allButOne(denied) })
    const { say } = await speaker(library, 'reporting', 'legacy')
    const read = (uri: string) => say(said('legacy', 'resources/read', { uri }))
    for (const uri of [
      'file:///srv/private/a',
      'FILE:///srv/private/a',
      'file:/srv/private/a',
      'file:srv/private/a',
      'file://localhost/srv/private/a',
      'file://LOCALHOST/srv/private/a',
      'file:///srv/privat%65/a',
      'file:///%73rv/private/%61',
      'FILE:/srv/privat%65/a',
      'file:///srv/private/a#here',
      'file:///srv/private/a?x=1',
      'file:///srv/private/a?#',
      'file:///srv/other/../private/a',
      'file:///srv/private/./a',
      'file:///srv/private/a ',
      'file:///srv/privat\u0000e/a',
      'file:///srv/priv\tate/a',
    ])
      expect((await read(uri)).body, uri).toContain('NOT_AUTHORIZED')
    expect(library.ran).toEqual([])
    await read('file:///srv/public/a')
    expect(library.ran).toEqual(['file:///srv/public/a'])
  })
})

test('a host is denied however it is spelled', async () => {
  const library = await guarded('expose an upstream', { policy: allButOne('https://example.com/secret/*') })
  const { say } = await speaker(library, 'reporting', 'modern')
  for (const uri of [
    'https://example.com/secret/a',
    'HTTPS://EXAMPLE.com/secret/a',
    'https://example.com:443/secret/a',
    'https://user:word@example.com/secret/a',
    'https://ex%61mple.com/s%65cret/a#here',
    'https:example.com/secret/a',
  ])
    expect((await say(said('modern', 'resources/read', { uri }))).body, uri).toContain('NOT_AUTHORIZED')
  expect(library.ran).toEqual([])
  const other = 'https://example.com/public/a?secret/*'
  expect((await say(said('modern', 'resources/read', { uri: other }))).body).toContain('"result"')
})
