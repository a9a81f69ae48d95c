import { describe, expect, test } from 'vitest'
import type { CallTarget } from '../../../src/auth/call.js'
import { decide, type ListedItem, mayUse, type PolicyRequest } from '../../../src/auth/policy/decide.js'
import { openMethods } from '../../../src/auth/policy/methods.js'
import { allowOnly } from '../../../src/auth/policy/starter.js'
import { nobody } from '../../../src/auth/policy/subject.js'
import { callerNamed, now, policyOf, told, toolCall } from './worlds.js'

const rules = [
  {
    name: 'weather',
    allow: ['cn:reporting', 'spiffe://d/agent/*'],
    servers: ['weather*'],
    tools: ['getTemperature', 'getFore*'],
  },
  { name: 'files', allow: ['dns:*.example.com'], resources: ['file:///srv/public/**', 'file:///a'] },
  {
    name: 'few days',
    allow: ['cn:careful'],
    tools: ['plan'],
    when: 'mcp.tool.arguments.days <= 3',
    limit: { calls: 1, per: '1m' },
  },
  { name: 'at home', allow: ['cn:careful'], tools: ['plan'], when: "inCidr(source.address, '10.0.0.0/8')" },
  { name: 'no secrets', deny: ['anyone'], resources: ['file:///srv/public/secret/*'], prompts: ['secret'] },
  { name: 'prompts', allow: ['anyone'], prompts: ['*'] },
  { name: 'tasks', allow: ['cn:careful'], methods: ['tasks/get'] },
  { name: 'not on Sundays', deny: ['cn:tired'], tools: ['*'], when: 'mcp.tool.arguments.day == "Sunday"' },
  { name: 'work', allow: ['cn:tired'], tools: ['*'], limit: { concurrent: 1 } },
]

const [reporting, agent] = [callerNamed('cn:reporting'), callerNamed('spiffe://d/agent/a')]
const [files, careful, tired] = [
  callerNamed('dns:a.example.com'),
  callerNamed('cn:careful'),
  callerNamed('cn:tired'),
]
const unverified = callerNamed('unverified')

const weather = { server: 'weather-mcp' }
const uri = (uri: string, method = 'resources/read'): Partial<PolicyRequest> => ({
  method,
  target: { kind: 'resource', uri },
})
const prompt = (name: string, method = 'prompts/get'): Partial<PolicyRequest> => ({
  method,
  target: { kind: 'prompt', name },
})
const method = (method: string): Partial<PolicyRequest> => ({ method, target: { kind: 'method' } })
const listen = (...uris: string[]): Partial<PolicyRequest> => ({
  method: 'subscriptions/listen',
  target: { kind: 'subscription', uris },
})

describe('decisions', () => {
  test.each<[string, PolicyRequest, string]>([
    ['a tool by its name', toolCall(reporting, 'getTemperature', weather), 'allow allowed weather'],
    ['a tool by a pattern', toolCall(reporting, 'getForecast', weather), 'allow allowed weather'],
    ['a caller by a pattern', toolCall(agent, 'getForecast', weather), 'allow allowed weather'],
    ['another server', toolCall(reporting, 'getTemperature'), 'deny no_rule -'],
    ['another caller', toolCall(files, 'getTemperature', weather), 'deny no_rule -'],
    ['a tool in another case', toolCall(reporting, 'gettemperature', weather), 'deny no_rule -'],
    [
      'a tool with a look-alike letter',
      toolCall(reporting, 'getT\u0435mperature', weather),
      'deny no_rule -',
    ],
    ['a tool in another normal form', toolCall(reporting, 'getFore\u0301', weather), 'allow allowed weather'],
    ['a tool with a null byte', toolCall(reporting, 'getFore\0x', weather), 'deny malformed -'],
    ['a tool with a line end', toolCall(reporting, 'getFore\nx', weather), 'deny malformed -'],
    ['a tool across a separator', toolCall(reporting, 'getFore.x', weather), 'deny no_rule -'],
    [
      'a tool without a name',
      toolCall(reporting, '', { ...weather, target: { kind: 'method' } }),
      'deny malformed -',
    ],
    [
      'a tool that is given as a prompt',
      toolCall(reporting, '', { ...weather, target: { kind: 'prompt', name: 'getForecast' } }),
      'deny malformed -',
    ],
    ['an unverified caller', toolCall(unverified, 'getTemperature', weather), 'deny unverified -'],
    ['nobody', toolCall(nobody, 'getTemperature', weather), 'deny unverified -'],
    ['a resource below', toolCall(files, '', uri('file:///srv/public/a/b')), 'allow allowed files'],
    ['a resource by its name', toolCall(files, '', uri('file:///a')), 'allow allowed files'],
    [
      'a resource on another way',
      toolCall(files, '', uri('file:///srv/public/../private')),
      'deny no_rule -',
    ],
    [
      'a resource with escaped dots',
      toolCall(files, '', uri('file:///srv/public/%2e%2e/private')),
      'deny no_rule -',
    ],
    [
      'a resource with a tab, which parsers of URLs drop',
      toolCall(files, '', uri('file:///srv/public/.\t./private')),
      'deny malformed -',
    ],
    [
      'a resource that is denied',
      toolCall(files, '', uri('file:///srv/public/secret/a')),
      'deny denied no secrets',
    ],
    ['a URI like a template', toolCall(files, '', uri('file:///srv/{x}')), 'deny no_rule -'],
    [
      'a subscription',
      toolCall(files, '', uri('file:///srv/public/a', 'resources/subscribe')),
      'allow allowed files',
    ],
    [
      'the end of a subscription',
      toolCall(files, '', uri('file:///b', 'resources/unsubscribe')),
      'deny no_rule -',
    ],
    [
      'completion of a template',
      toolCall(files, '', uri('file:///srv/public/{x}', 'completion/complete')),
      'allow allowed files',
    ],
    [
      'completion of a template that begins before',
      toolCall(files, '', uri('file:///srv/{x}', 'completion/complete')),
      'allow allowed files',
    ],
    [
      'completion of another template',
      toolCall(files, '', uri('file:///etc/{x}', 'completion/complete')),
      'deny no_rule -',
    ],
    [
      'a stream for what it may read',
      toolCall(files, '', listen('file:///a', 'file:///srv/public/b')),
      'allow allowed files',
    ],
    [
      'a stream for something else too',
      toolCall(files, '', listen('file:///a', 'file:///b')),
      'deny no_rule -',
    ],
    ['a stream for changes of lists', toolCall(files, '', listen()), 'allow open_method -'],
    [
      'a stream that does not say for what',
      toolCall(files, '', method('subscriptions/listen')),
      'deny malformed -',
    ],
    ['a prompt', toolCall(files, '', prompt('any')), 'allow allowed prompts'],
    ['a prompt that is denied', toolCall(files, '', prompt('secret')), 'deny denied no secrets'],
    [
      'completion of a prompt',
      toolCall(files, '', prompt('any', 'completion/complete')),
      'allow allowed prompts',
    ],
    [
      'completion of one that is denied',
      toolCall(files, '', prompt('secret', 'completion/complete')),
      'deny denied no secrets',
    ],
    ['completion of a tool', toolCall(files, 'any', { method: 'completion/complete' }), 'deny malformed -'],
    ['a method of an extension', toolCall(careful, '', method('tasks/get')), 'allow allowed tasks'],
    ['one that others may call', toolCall(files, '', method('tasks/get')), 'deny no_rule -'],
    ['one that no rule names', toolCall(careful, '', method('tasks/list')), 'deny unknown_method -'],
    ['a method in another case', toolCall(careful, '', method('Tools/call')), 'deny unknown_method -'],
    ['a method that every object has', toolCall(careful, '', method('constructor')), 'deny unknown_method -'],
    ['a method with a null byte', toolCall(careful, '', method('ping\0')), 'deny malformed -'],
    [
      'a condition that holds',
      toolCall(careful, 'plan', { arguments: { days: 3 } }),
      'allow allowed few days',
    ],
    [
      'another, for what it does not',
      toolCall(careful, 'plan', { arguments: { days: 4 } }),
      'allow allowed at home',
    ],
    [
      'no condition that holds',
      toolCall(careful, 'plan', { arguments: { days: 4 }, address: '11.0.0.1' }),
      'deny condition few days',
    ],
    [
      'no condition that runs',
      toolCall(careful, 'plan', { arguments: {}, address: '' }),
      'deny condition few days',
    ],
    [
      'a list of 10,000',
      toolCall(careful, 'plan', { arguments: { days: 3, list: Array(10_000).fill(0) } }),
      'allow allowed few days',
    ],
    [
      'a list of more',
      toolCall(careful, 'plan', { arguments: { days: 3, list: Array(10_001).fill(0) } }),
      'deny condition few days',
    ],
    [
      'a condition that does not deny',
      toolCall(tired, 'x', { arguments: { day: 'Monday' } }),
      'allow allowed work',
    ],
    [
      'a condition that denies',
      toolCall(tired, 'x', { arguments: { day: 'Sunday' } }),
      'deny denied not on Sundays',
    ],
    ['a condition that fails denies', toolCall(tired, 'x', { arguments: {} }), 'deny denied not on Sundays'],
    [
      'what is too large denies',
      toolCall(tired, 'x', { arguments: { day: 'Monday', list: Array(10_001).fill(0) } }),
      'deny denied not on Sundays',
    ],
  ])('%s', async (_what, request, expected) => {
    expect(told(decide(await policyOf(rules), request))).toBe(expected)
  })

  test.each(openMethods)('%s is open to everybody', async (name) => {
    const policy = await policyOf([])
    for (const subject of [reporting, unverified, nobody])
      expect(told(decide(policy, toolCall(subject, '', method(name))))).toBe('allow open_method -')
  })

  test('a rule that denies an open method holds', async () => {
    const policy = await policyOf([{ deny: ['cn:careful'], methods: ['ping'] }])
    expect(told(decide(policy, toolCall(careful, '', method('ping'))))).toBe('deny denied rules[0]')
    expect(told(decide(policy, toolCall(files, '', method('ping'))))).toBe('allow open_method -')
  })

  test('what no rule is about is about nothing else', async () => {
    const policy = await policyOf([{ allow: ['anyone'], tools: ['*'] }])
    for (const changes of [uri('file:///a'), prompt('a'), listen('file:///a'), method('tasks/get')])
      expect(decide(policy, toolCall(careful, '', changes)).decision).toBe('deny')
  })

  test('every limit of the rules that let a call in counts', async () => {
    const policy = await policyOf(rules)
    const limits = (request: PolicyRequest) => decide(policy, request).limited.map(({ name }) => name)
    expect(limits(toolCall(careful, 'plan', { arguments: { days: 3 } }))).toEqual(['few days'])
    expect(limits(toolCall(careful, 'plan', { arguments: { days: 4 } }))).toEqual([])
    expect(limits(toolCall(tired, 'x', { arguments: { day: 'Monday' } }))).toEqual(['work'])
    const two = await policyOf([
      { allow: ['anyone'], tools: ['*'], resources: ['*'], limit: { concurrent: 1 } },
      { allow: ['anyone'], tools: ['a'], when: 'mcp.tool.arguments.x == 1', limit: { concurrent: 2 } },
      { allow: ['cn:b'], tools: ['a'], limit: { concurrent: 3 } },
    ])
    const limited = (request: PolicyRequest) => decide(two, request).limited.map(({ name }) => name)
    expect(limited(toolCall(careful, 'a', { arguments: { x: 1 } }))).toEqual(['rules[0]', 'rules[1]'])
    expect(limited(toolCall(careful, 'a', { arguments: { x: 2 } }))).toEqual(['rules[0]'])
    expect(limited(toolCall(careful, '', listen('file:///a', 'file:///b')))).toEqual(['rules[0]'])
  })

  test('report mode decides the same and enforces nothing', async () => {
    const request = toolCall(files, 'x')
    const [enforced, reported] = [await policyOf(rules), await policyOf(rules, 'report')]
    expect(decide(enforced, request)).toMatchObject({ decision: 'deny', isEnforced: true })
    expect(decide(reported, request)).toMatchObject({ decision: 'deny', isEnforced: false })
  })

  test('rules beyond the first words of a set are found', async () => {
    const policy = await policyOf(
      Array.from({ length: 100 }, (_, at) => ({ allow: [`cn:a${at}`], tools: [`t${at}`] })),
    )
    for (const at of [0, 31, 32, 63, 64, 99]) {
      const subject = callerNamed(`cn:a${at}`)
      expect(told(decide(policy, toolCall(subject, `t${at}`)))).toBe(`allow allowed rules[${at}]`)
      expect(told(decide(policy, toolCall(subject, `t${at + 1}`)))).toBe('deny no_rule -')
    }
  })

  test('names that callers invent do not change what others may', async () => {
    const policy = await policyOf(rules)
    for (let at = 0; at < 5000; at += 1) decide(policy, toolCall(reporting, `x${at}`, weather))
    expect(told(decide(policy, toolCall(reporting, 'getTemperature', weather)))).toBe('allow allowed weather')
    expect(told(decide(policy, toolCall(reporting, `getFore${'x'.repeat(500)}`, weather)))).toBe(
      'allow allowed weather',
    )
  })
})

describe('who is meant', () => {
  const hash = 'a'.repeat(64)
  test.each<[unknown, string[], boolean]>([
    ['cn:spiffe://d/boss', ['spiffe://d/boss'], false],
    ['spiffe://d/boss', ['cn:spiffe://d/boss'], false],
    ['dns:boss', ['cn:boss'], false],
    ['dns:boss', ['cn:dns:boss'], false],
    ['dns:*', ['cn:dns:boss', 'o:boss'], false],
    ['spiffe://d/**', ['cn:spiffe://d/boss', 'o:spiffe://d/boss'], false],
    ['spiffe://d/**', ['spiffe://e/boss'], false],
    ['cn:boss', ['o:boss', 'ou:boss', 'email:boss@x.y', 'issuer:boss'], false],
    ['cn:boss', ['cn:other', 'cn:boss'], true],
    ['cn:boss', ['cn:Boss'], false],
    ['cn:bosß', ['cn:boss'], false],
    ['cn:\u00e9', ['cn:e\u0301'], false],
    ['dns:B.example', ['dns:b.EXAMPLE'], true],
    ['email:A@X.y', ['email:A@x.Y'], true],
    ['email:A@x.y', ['email:a@x.y'], false],
    [{ serial: '00:0A', issuer: 'CN=CA' }, ['serial:a', 'issuer:CN=CA'], true],
    [{ serial: '0a', issuer: 'CN=CA' }, ['serial:a', 'issuer:CN=Ca'], false],
    [{ serial: '0a', issuer: 'CN=CA' }, ['issuer:CN=CA', 'serial:b'], false],
    [{ cn: 'a', o: 'b' }, ['cn:a', 'o:b'], true],
    [{ cn: 'a', o: 'b' }, ['cn:a'], false],
    [`spki:sha256:${hash.toUpperCase()}`, [`spki:sha256:${hash}`], true],
    [`spki:sha256:${hash}`, [`fingerprint:sha256:${hash}`], false],
    ['anyone', ['cn:x'], true],
    // With trust domains bound:
    ['cn:boss', ['cn:boss', 'ca:partner.example'], false],
    ['dns:*.example.com', ['dns:boss.example.com', 'ca:example.org'], false],
    [{ cn: 'boss', ca: 'example.org' }, ['cn:boss', 'ca:partner.example'], false],
    [{ cn: 'boss', ca: 'example.org' }, ['cn:boss', 'ca:example.org'], true],
    [{ cn: 'boss', ca: 'example.org' }, ['cn:boss'], false],
    [{ serial: 'a', issuer: 'CN=CA' }, ['serial:a', 'issuer:CN=CA', 'ca:example.org'], false],
    ['spiffe://d/a', ['spiffe://d/a', 'ca:d'], true],
    [`fingerprint:sha256:${hash}`, [`fingerprint:sha256:${hash}`, 'ca:d'], true],
    ['anyone', ['cn:x', 'ca:d'], true],
    [{ ca: 'd' }, ['cn:x', 'ca:d'], true],
    [{ ca: 'd' }, ['cn:x', 'ca:e'], false],
  ])('%j allows %j: %s', async (entry, names, expected) => {
    const subject = callerNamed(...names)
    const policy = await policyOf([{ allow: [entry], tools: ['t'] }])
    expect(decide(policy, toolCall(subject, 't')).decision).toBe(expected ? 'allow' : 'deny')
  })

  test('a bare name still denies where trust domains are bound: a rule that denies does not fall silent', async () => {
    const policy = await policyOf([
      { deny: ['cn:boss'], tools: ['t'] },
      { allow: ['anyone'], tools: ['t'] },
    ])
    expect(told(decide(policy, toolCall(callerNamed('cn:boss', 'ca:d'), 't')))).toBe('deny denied rules[0]')
  })
})

describe('what lists show', () => {
  const shown = async (given: unknown, item: ListedItem, subject = careful, mode = 'enforce') =>
    mayUse(await policyOf(given, mode), { subject, server: 's', address: '10.0.0.1', now }, item)
  const tool: ListedItem = { kind: 'tool', name: 't' }
  const allow = { allow: ['anyone'], tools: ['t'] }
  const all = {
    allow: ['anyone'],
    tools: ['*'],
    resources: ['file:///srv/public/**', 'file:///x/y'],
    prompts: ['*'],
  }

  test.each<[string, unknown[], ListedItem, boolean]>([
    ['what a rule allows', [allow], tool, true],
    ['nothing else', [allow], { kind: 'tool', name: 'u' }, false],
    ['no other kind', [allow], { kind: 'prompt', name: 't' }, false],
    ['not what is denied', [all, { deny: ['anyone'], tools: ['t'] }], tool, false],
    ['what arguments may allow', [{ ...allow, when: 'mcp.tool.arguments.x == 1' }], tool, true],
    [
      'what arguments may deny',
      [all, { deny: ['anyone'], tools: ['t'], when: 'mcp.tool.arguments.x == 1' }],
      tool,
      true,
    ],
    [
      'what a condition allows',
      [{ ...allow, when: 'mcp.tool.name == "t" && mcp.method == "tools/call"' }],
      tool,
      true,
    ],
    ['not what a condition does not allow', [{ ...allow, when: 'source.id == "x"' }], tool, false],
    [
      'not what a condition denies',
      [all, { deny: ['anyone'], tools: ['t'], when: 'source.id == "cn:careful"' }],
      tool,
      false,
    ],
    [
      'what a condition does not deny',
      [all, { deny: ['anyone'], tools: ['t'], when: 'source.id == "x"' }],
      tool,
      true,
    ],
    [
      'not what a failing condition denies',
      [all, { deny: ['anyone'], tools: ['t'], when: "inCidr(source.id, '10.0.0.0/8')" }],
      tool,
      false,
    ],
    ['nothing with a null byte', [all], { kind: 'tool', name: 'a\0' }, false],
    ['a resource', [all], { kind: 'resource', uri: 'file:///srv/public/a' }, true],
    ['no other resource', [all], { kind: 'resource', uri: 'file:///srv/a' }, false],
    ['a prompt', [all], { kind: 'prompt', name: 'p' }, true],
    ['a template of a part', [all], { kind: 'template', uri: 'file:///srv/public/{path}' }, true],
    ['a template of more', [all], { kind: 'template', uri: 'file:///{path}' }, true],
    ['a template for a whole name', [all], { kind: 'template', uri: 'file:///x/{path}' }, true],
    ['no other template', [all], { kind: 'template', uri: 'file:///etc/{path}' }, false],
    ['no template on another way', [all], { kind: 'template', uri: 'file:///srv/public/../{path}' }, false],
    ['a template without variables', [all], { kind: 'template', uri: 'file:///srv/public/a' }, true],
    [
      'not a template that is one resource of another name',
      [all],
      { kind: 'template', uri: 'file:///x/z' },
      false,
    ],
    [
      'a template of which a part is denied',
      [all, { deny: ['anyone'], resources: ['file:///srv/public/a'] }],
      { kind: 'template', uri: 'file:///srv/public/{path}' },
      true,
    ],
    [
      'not a template that is denied',
      [all, { deny: ['anyone'], resources: ['file:///srv/**'] }],
      { kind: 'template', uri: 'file:///srv/public/{path}' },
      false,
    ],
    [
      'a template that a URI may allow',
      [{ allow: ['anyone'], resources: ['*'], when: 'mcp.resource.uri == "file:///a"' }],
      { kind: 'template', uri: 'file:///{path}' },
      true,
    ],
    [
      'not a resource that its URI does not allow',
      [{ allow: ['anyone'], resources: ['*'], when: 'mcp.resource.uri == "file:///a"' }],
      { kind: 'resource', uri: 'file:///b' },
      false,
    ],
  ])('%s', async (_what, given, item, expected) => {
    expect(await shown(given, item)).toBe(expected)
  })

  test('nothing to a caller that is not verified, and all in report mode', async () => {
    expect(await shown([allow], tool, unverified)).toBe(false)
    expect(await shown([], tool, unverified, 'report')).toBe(true)
    expect(await shown([], tool, careful, 'report')).toBe(true)
  })
})

describe('resources', () => {
  const uris = ['file:///a', 'https://x.y/z?q=1#f', 'urn:a:b', 'file:///a/../b', 'file:///a/%2e%2e/b']

  test('a star alone allows all but those that may mean another', async () => {
    const policy = await policyOf([{ allow: ['anyone'], resources: ['*'] }])
    const allowed = uris.filter(
      (each) => decide(policy, toolCall(careful, '', uri(each))).decision === 'allow',
    )
    expect(allowed).toEqual(uris.slice(0, 3))
  })

  test('a star alone denies all', async () => {
    const policy = await policyOf([
      { allow: ['anyone'], resources: uris },
      { deny: ['cn:careful'], resources: ['*'] },
    ])
    const allowed = (subject: typeof careful) =>
      uris.filter((each) => decide(policy, toolCall(subject, '', uri(each))).decision === 'allow')
    expect(allowed(careful)).toEqual([])
    expect(allowed(files)).toEqual(uris)
  })
})

test.each(['file:///srv/private/a', 'file:///srv/private/*', 'file:///srv/**'])(
  'what denies %s denies it in every spelling that a server may read as the same',
  async (denied) => {
    const policy = await policyOf([
      { allow: ['anyone'], resources: ['*', '**', 'file:///srv/public/../private/a'] },
      { deny: ['anyone'], resources: [denied] },
    ])
    for (const spelling of [
      'file:///srv/private/a',
      'FILE:///srv/private/a',
      'file:/srv/private/a',
      'file:srv/private/a',
      'file://localhost/srv/private/a',
      'file://LOCALHOST/srv/private/a',
      'file://%6cocalhost/srv/private/a',
      'file:///srv/priv%61te/a',
      'file:///srv/private/a?',
      'file:///srv/private/a?x=1#y',
      'file:///srv//private/a',
      'file:////srv///private//a?x',
      'file:///srv/private/%61',
      'file:///srv/public/../private/a',
    ])
      expect(decide(policy, toolCall(careful, '', uri(spelling))).decision, spelling).toBe('deny')
    expect(decide(policy, toolCall(careful, '', uri('file:///other/a'))).decision).toBe('allow')
  },
)

test('a key that is there twice, in another case, is judged by no condition: others may read the other one', async () => {
  const policy = await policyOf([
    { allow: ['anyone'], tools: ['t'], when: 'mcp.tool.arguments.days <= 3' },
    { allow: ['anyone'], tools: ['free'] },
  ])
  for (const twin of ['Days', 'DAYS', 'day\u017f'])
    expect(told(decide(policy, toolCall(careful, 't', { arguments: { days: 2, [twin]: 99 } })))).toBe(
      'deny condition rules[0]',
    )
  expect(decide(policy, toolCall(careful, 't', { arguments: { days: 2, day: 99 } })).decision).toBe('allow')
  expect(decide(policy, toolCall(careful, 'free', { arguments: { days: 2, Days: 99 } })).decision).toBe(
    'allow',
  )
})

test('what denies a host or a name without one denies it in every spelling, too', async () => {
  const policy = await policyOf([
    { allow: ['anyone'], resources: ['*'] },
    { deny: ['anyone'], resources: ['https://intern.example.com/**', 'db://main/users/*', 'notes:secret'] },
  ])
  for (const spelling of [
    'https://intern.example.com./a',
    'https://x@intern.example.com/a',
    'https://INTERN.example.com/a?x',
    'https://intern.example.com:443/a',
    'db://MAIN/users/1',
    'DB://x:y@main/users/1',
    'db://main//users/1',
    'db://main/users/1?x',
    'db://main/users/1/',
    'notes:secret?',
    'NOTES:secret',
  ])
    expect(decide(policy, toolCall(careful, '', uri(spelling))).decision, spelling).toBe('deny')
  for (const other of ['https://example.com/a', 'db://main/users', 'notes:public'])
    expect(decide(policy, toolCall(careful, '', uri(other))).decision, other).toBe('allow')
})

test.each([
  ['a name of 8,193 characters', 'a'.repeat(8193)],
  ['an escaped null byte', 'file:///srv/a%00b'],
  ['an escaped line end', 'file:///srv/a%0ab'],
])('%s is judged by no pattern, whatever is allowed', async (_what, uriText) => {
  const policy = await policyOf([{ allow: ['anyone'], resources: ['*', '**'], tools: ['*'] }])
  expect(told(decide(policy, toolCall(careful, '', uri(uriText))))).toBe('deny malformed -')
  expect(mayUse(policy, { ...toolCall(careful, 't') }, { kind: 'resource', uri: uriText })).toBe(false)
})

test('a loop that would look at too much is not run', async () => {
  const policy = await policyOf([
    { allow: ['anyone'], tools: ['t'], when: 'mcp.tool.arguments.a.all(x, x in mcp.tool.arguments.b)' },
  ])
  const call = (length: number) => {
    const list = Array.from({ length }, (_, at) => at)
    return told(decide(policy, toolCall(careful, 't', { arguments: { a: list, b: list } })))
  }
  expect(call(1000)).toBe('allow allowed rules[0]')
  expect(call(2000)).toBe('deny condition rules[0]')
})

test('what is read as arguments is those of a tool alone', async () => {
  const policy = await policyOf([{ allow: ['anyone'], prompts: ['*'], when: 'has(mcp.tool.arguments.x)' }])
  expect(decide(policy, toolCall(careful, '', { ...prompt('p'), arguments: { x: '1' } })).decision).toBe(
    'deny',
  )
})

test('--allow lets these identities do everything, and nobody else', () => {
  const read = allowOnly(['cn:careful', 'dns:*.example.com'])
  if (!('policy' in read)) throw new Error(read.message)
  const target: CallTarget = { kind: 'resource', uri: 'https://a/b?c#d' }
  for (const changes of [
    {},
    prompt('p'),
    { method: 'resources/read', target },
    method('tasks/get'),
    listen('file:///a'),
  ]) {
    expect(told(decide(read.policy, toolCall(careful, 't', changes)))).toBe('allow allowed --allow')
    expect(decide(read.policy, toolCall(files, 't', changes)).decision).toBe('allow')
    expect(decide(read.policy, toolCall(reporting, 't', changes)).decision).toBe('deny')
  }
  expect(allowOnly(['cn:a', 'b'])).toEqual({
    message: '"b" does not say what kind of name it is',
    hint: expect.any(String),
  })
})
