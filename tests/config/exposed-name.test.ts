import { expect, test } from 'vitest'
import { nameOfCommand } from '../../src/config/exposed-name.js'

test.each([
  ['npx -y @modelcontextprotocol/server-filesystem /srv', 'server-filesystem'],
  ['npx -y @modelcontextprotocol/server-everything@2026.8.31 stdio', 'server-everything'],
  ['npx -y github-mcp@latest', 'github-mcp'],
  ['/usr/bin/node --enable-source-maps dist/weather.js --port 1', 'weather'],
  ['python3 server.py', 'server'],
  ['python3.12 -m mcp_server_git --repository .', 'mcp_server_git'],
  ['uvx mcp-server-fetch', 'mcp-server-fetch'],
  ['uv run server.py', 'server'],
  ['deno run -A main.ts', 'main'],
  ['docker run -i --rm mcp/fetch:latest', 'fetch'],
  ['./bin/my.server', 'my.server'],
  ['/opt/Über Server.sh', 'berServer'],
  ['/opt/...', 'exposed'],
  ['npx', 'exposed'],
  ['node .', 'exposed'],
  ['node', 'exposed'],
])('%s is called %s', (line, name) => {
  const [command = '', ...args] = line === '/opt/Über Server.sh' ? [line] : line.split(' ')
  expect(nameOfCommand(command, args)).toBe(name)
})
