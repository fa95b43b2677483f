// Starts `guerdon lsp` for campaign folders. Everything that is shown comes from there.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** Rule files anywhere; TOML files by their place, whatever language VS Code takes them for. */
const documents = [
  { language: "rhai" },
  { scheme: "file", pattern: "**/campaign.toml" },
  { scheme: "file", pattern: "**/population.toml" },
  { scheme: "file", pattern: "**/cases/*.toml" },
];

async function start() {
  const command = workspace.getConfiguration("guerdon").get("path") || "guerdon";
  const server = { command, args: ["lsp"] };
  client = new LanguageClient("guerdon", "Guerdon", server, { documentSelector: documents });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const settings = "Open settings";
    const text = `"${command} lsp" does not start: ${error.message ?? error}. Install guerdon, or set guerdon.path.`;
    if ((await window.showErrorMessage(text, settings)) === settings) {
      await commands.executeCommand("workbench.action.openSettings", "guerdon.path");
    }
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function activate(context) {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(
    commands.registerCommand("guerdon.restart", restart),
    workspace.onDidChangeConfiguration((change) => (change.affectsConfiguration("guerdon.path") ? restart() : undefined)),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
