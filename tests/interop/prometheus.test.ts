import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'
import { threeServers } from './three-servers.js'

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')

/** The block of YAML that begins with the name of its file. */
function block(name: string): string {
  const found = new RegExp(`^\`\`\`yaml\\n# ${name.replaceAll('.', '\\.')}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(
    page,
  )
  return found?.[1] ?? ''
}

async function promtool(args: readonly string[], { input = '', cwd = scratch() } = {}) {
  const child = spawn('promtool', args, { cwd })
  child.stdin.on('error', () => {}) // it may have ended without reading it
  child.stdin.end(input)
  const [[status], said] = await Promise.all([
    once(child, 'close'),
    Promise.all([text(child.stdout), text(child.stderr)]),
  ])
  return { status, said: said.join('') }
}

// Debian's package prometheus brings it.
describeWith('promtool', onPath('promtool') !== undefined, 'promtool', () => {
  test('promtool finds nothing in the metrics of a server and of the monitor, and each rule names some', async () => {
    await using three = await threeServers({
      policy: { rules: [{ allow: ['anyone'], tools: ['*'] }] },
      auditLog: () => {},
    })
    const { world, servers } = three
    const config = join(scratch(), 'servers.json')
    writeFileSync(config, JSON.stringify({ mcpServers: { echo: { url: servers.echo.url } } }))
    const options = ['--config', config, '--cert-dir', world.certDir, '--port', '0', '--interval', '500ms']
    const monitor = startCli(['monitor', ...options, '--json'])
    const [, url = ''] = await monitor.printed(/"url": "(\S+)"/)
    const read = async (path: string) => (await fetch(`${url}${path}`)).text()
    await expect.poll(() => read('health')).toContain('"up":1')

    const metrics = await read('metrics')
    expect(await promtool(['check', 'metrics'], { input: metrics })).toEqual({ status: 0, said: '' })
    const curl = ['--cacert', 'ca.crt', '--cert', 'client.crt', '--key', 'client.key', '-sS']
    const child = spawn('curl', [...curl, servers.echo.url.replace(/mcp$/, 'metrics')], {
      cwd: world.certDir,
    })
    const own = await text(child.stdout)
    expect(own).toContain('mcp_mtls_handshakes_total')
    expect(await promtool(['check', 'metrics'], { input: own })).toEqual({ status: 0, said: '' })

    const named = new Set(block('mcp-mtls.rules.yml').match(/\bmcp_mtls_\w+/g))
    expect(named.size).toBeGreaterThan(6)
    expect([...named].filter((name) => !`${metrics}${own}`.includes(`# TYPE ${name} `))).toEqual([])
  })

  test('promtool accepts the rules and the scrape configuration of docs/operations.md', async () => {
    const cwd = scratch()
    for (const name of ['mcp-mtls.rules.yml', 'prometheus.yml'])
      writeFileSync(join(cwd, name), block(name).replaceAll('/etc/prometheus/mcp/', './'))
    for (const name of ['ca.crt', 'client.crt', 'client.key']) writeFileSync(join(cwd, name), '')
    const rules = await promtool(['check', 'rules', 'mcp-mtls.rules.yml'], { cwd })
    expect(rules).toMatchObject({ status: 0, said: expect.stringContaining('17 rules found') })
    const config = await promtool(['check', 'config', 'prometheus.yml'], { cwd })
    expect(config, config.said).toMatchObject({ status: 0 })
  })

  test('the alerts fire for what they are for, and say what it is about', async () => {
    const cwd = scratch()
    const alert = (alertname: string, summary: string, labels: object) => ({
      eval_time: '90m',
      alertname,
      exp_alerts: [{ exp_labels: labels, exp_annotations: { summary } }],
    })
    const series = (name: string, values: string) => ({ series: name, values })
    const own = 'mcp_mtls_certificate_expiry_timestamp_seconds'
    const near = 'mcp_mtls_certificate_expiring'
    const leaf = { role: 'server', subject: 'CN=a' }
    const list = { role: 'crl', subject: 'CN=ca' }
    const minutes = (count: number) => `${90 * 60 + count * 60}x120`
    const quiet = [
      'McpCertificateExpired',
      'McpCertificateExpiring',
      'McpRevocationListExpiring',
      'McpPeerCertificateExpiring',
    ]
    const peer = 'mcp_mtls_peer_certificate'
    const rules = {
      rule_files: ['mcp-mtls.rules.yml'],
      tests: [
        {
          interval: '1m',
          input_series: [
            series('mcp_mtls_monitor_server_up{name="echo"}', '1 0x120'),
            series('mcp_mtls_monitor_server_up{name="weather"}', '1x120'),
            series('mcp_mtls_monitor_server_state{name="echo",state="refusing"}', '0 1x120'),
            series(`${own}{role="server",subject="CN=a"}`, '4000x120'),
            series(`${own}{role="ca",subject="CN=b"}`, '400000000x120'),
            series(
              'mcp_mtls_handshakes_total{server="echo",result="refused",reason="CERT_EXPIRED"}',
              '0+120x120',
            ),
            series('mcp_mtls_monitor_last_look_timestamp_seconds', '0+60x120'),
          ],
          alert_rule_test: [
            alert('McpServerDown', 'No answer over mutual TLS: echo', { name: 'echo', severity: 'page' }),
            alert('McpServerRefusesUs', 'echo and the monitor do not trust each other (refusing)', {
              name: 'echo',
              state: 'refusing',
              severity: 'page',
            }),
            alert('McpCertificateExpired', 'CN=a has expired', { ...leaf, severity: 'page' }),
            alert('McpStrangers', 'echo refuses 2 peers a second: CERT_EXPIRED', {
              server: 'echo',
              reason: 'CERT_EXPIRED',
              severity: 'ticket',
            }),
            { eval_time: '90m', alertname: 'McpMonitorHangs', exp_alerts: [] },
            { eval_time: '90m', alertname: 'McpDemoMode', exp_alerts: [] },
          ],
        },
        {
          // A policy that fails, a record that fails and has lost lines, a caller that tries, another that wants too much.
          interval: '1m',
          input_series: [
            series('mcp_mtls_policy_ok{server="echo"}', '1x80 0x40'),
            series('mcp_mtls_audit_ok{server="echo"}', '1x80 0x40'),
            series('mcp_mtls_audit_lines_lost_total{server="echo"}', '0x80 10x40'),
            ...['echo', 'tried'].flatMap((server) => [
              series(`mcp_mtls_policy_enforced{server="${server}"}`, server === 'echo' ? '1x120' : '0x1600'),
              series(`mcp_mtls_decisions_total{server="${server}",result="denied"}`, '0x85 20+20x40'),
              series(`mcp_mtls_decisions_total{server="${server}",result="limited"}`, '0x60 20+20x60'),
              series(`mcp_mtls_decisions_total{server="${server}",result="allowed"}`, '0+900x120'),
            ]),
          ],
          alert_rule_test: [
            alert('McpPolicyBroken', 'echo cannot take up its policy', {
              server: 'echo',
              severity: 'ticket',
            }),
            alert('McpAuditFails', 'echo cannot write its record of calls', {
              server: 'echo',
              severity: 'page',
            }),
            alert('McpAuditLinesLost', 'The record of echo lacks 10 lines of the last hour', {
              server: 'echo',
              severity: 'page',
            }),
            alert('McpCallsDenied', 'echo has denied 100 calls in five minutes', {
              server: 'echo',
              severity: 'ticket',
            }),
            alert('McpCallsLimited', 'Callers of echo want more than their limits allow', {
              server: 'echo',
              severity: 'ticket',
            }),
            { eval_time: '90m', alertname: 'McpPolicyNotEnforced', exp_alerts: [] },
            {
              ...alert('McpPolicyNotEnforced', 'tried denies nothing: its policy only reports', {
                server: 'tried',
                severity: 'ticket',
              }),
              eval_time: '25h',
            },
          ],
        },
        {
          // A denial now and then, a limit for five minutes, lines lost long ago: nobody is woken.
          interval: '1m',
          input_series: [
            series('mcp_mtls_policy_ok{server="echo"}', '1x87 0 1x40'),
            series('mcp_mtls_policy_enforced{server="echo"}', '1x120'),
            series('mcp_mtls_audit_ok{server="echo"}', '1x120'),
            series('mcp_mtls_audit_lines_lost_total{server="echo"}', '0x10 10x120'),
            series('mcp_mtls_decisions_total{server="echo",result="denied"}', '0+5x120'),
            series('mcp_mtls_decisions_total{server="echo",result="limited"}', '0x84 20+20x40'),
          ],
          alert_rule_test: [
            'McpPolicyBroken',
            'McpPolicyNotEnforced',
            'McpCallsDenied',
            'McpCallsLimited',
            'McpAuditFails',
            'McpAuditLinesLost',
          ].map((alertname) => ({ eval_time: '90m', alertname, exp_alerts: [] })),
        },
        {
          // Fresh for an hour, an expired root beside one that counts, and a year that has 31 days left.
          interval: '1m',
          input_series: [
            ...[
              ['role="server",subject="CN=hour"', 59],
              ['role="server",subject="CN=year"', 31 * 1440],
              ['role="ca",subject="CN=old",serial="1"', -10],
              ['role="ca",subject="CN=new",serial="2"', 99_999],
              ['role="crl",subject="CN=new"', 55],
            ].flatMap(([labels, left]) => [
              series(`${own}{${labels}}`, minutes(Number(left))),
              series(`${near}{${labels}}`, '0x120'),
            ]),
            series(`${peer}_expiry_timestamp_seconds{fingerprint256="ab"}`, minutes(59)),
            series(`${peer}_expiring{fingerprint256="ab"}`, '0x120'),
          ],
          alert_rule_test: quiet.map((alertname) => ({ eval_time: '90m', alertname, exp_alerts: [] })),
        },
        {
          interval: '1m',
          input_series: [
            series(`${own}{role="server",subject="CN=a"}`, minutes(6)),
            series(`${near}{role="server",subject="CN=a"}`, '0 0 1x120'),
            series(`${own}{role="crl",subject="CN=ca"}`, minutes(3)),
            series(`${near}{role="crl",subject="CN=ca"}`, '0 0 1x120'),
            series(`${own}{role="ca",subject="CN=b",serial="1"}`, minutes(-5)),
            series(`${own}{role="ca",subject="CN=c",serial="2"}`, minutes(-1)),
            series(`${peer}_expiry_timestamp_seconds{fingerprint256="ab",server="echo"}`, minutes(5)),
            series(`${peer}_expiring{fingerprint256="ab",server="echo"}`, '1x120'),
          ],
          alert_rule_test: [
            alert('McpCertificateExpiring', 'CN=a expires in 6m 0s', { ...leaf, severity: 'ticket' }),
            alert('McpRevocationListExpiring', 'The revocation list of CN=ca expires in 3m 0s', {
              ...list,
              severity: 'page',
            }),
            alert('McpPeerCertificateExpiring', 'A client of echo is about to be locked out: ab', {
              server: 'echo',
              fingerprint256: 'ab',
              severity: 'ticket',
            }),
            alert('McpCertificateExpired', 'Every CA certificate has expired', {
              role: 'ca',
              severity: 'page',
            }),
          ],
        },
      ],
    }
    writeFileSync(join(cwd, 'mcp-mtls.rules.yml'), block('mcp-mtls.rules.yml'))
    writeFileSync(join(cwd, 'test.yml'), JSON.stringify(rules)) // JSON is YAML
    const { status, said } = await promtool(['test', 'rules', 'test.yml'], { cwd })
    expect(status, said).toBe(0)
  })
})

test('every alert is explained', () => {
  const alerts = [...block('mcp-mtls.rules.yml').matchAll(/alert: (\w+)/g)].map(([, name]) => name)
  const explained = [...page.matchAll(/^\| `(Mcp\w+)` \|/gm)].map(([, name]) => name)
  expect(explained).toEqual(alerts)
})
