"""An MCP client on the official Python SDK. How it talks with whoever started it: ../line-protocol.ts."""

import argparse
import asyncio
import json
import sys
import threading
import traceback
from contextlib import AsyncExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

def say(**message):
    print(json.dumps(message), flush=True)


class Storage:
    """In memory, for as long as the program runs."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client_info):
        self.client = client_info


class Callback:
    """Listens on any free port for the answer that the browser brings."""

    def __init__(self):
        answers: Queue[dict[str, list[str]]] = Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url = urlsplit(self.path)
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>Client</title><p>Signed in. You may close this window.")
                if url.path == "/callback":
                    answers.put(parse_qs(url.query))

            def log_message(self, *_):
                pass

        self.answers = answers
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.redirect_uri = f"http://127.0.0.1:{self.server.server_port}/callback"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    async def next_answer(self) -> AuthorizationCodeResult:
        answer = await asyncio.to_thread(self.answers.get)
        first = {name: values[0] for name, values in answer.items()}
        return AuthorizationCodeResult(code=first.get("code", ""), state=first.get("state"), iss=first.get("iss"))


async def open_browser(url: str) -> None:
    say(authorize=url)


async def connect(stack: AsyncExitStack, options, callback: Callback) -> Client:
    provider = OAuthClientProvider(
        server_url=options.url,
        client_metadata=OAuthClientMetadata(
            client_name="Python SDK", redirect_uris=[callback.redirect_uri], token_endpoint_auth_method="none"
        ),
        storage=Storage(),
        redirect_handler=open_browser,
        callback_handler=callback.next_answer,
        client_metadata_url=options.document,
    )
    http = await stack.enter_async_context(httpx2.AsyncClient(auth=provider, timeout=60))
    transport = streamable_http_client(options.url, http_client=http)
    mode = "legacy" if options.era == "legacy" else "auto"
    return await stack.enter_async_context(Client(transport, mode=mode))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--era", required=True)
    parser.add_argument("--document")
    options = parser.parse_args()
    callback = Callback()
    async with AsyncExitStack() as stack:
        client = None
        while line := await asyncio.to_thread(sys.stdin.readline):
            command, _, tool = line.strip().partition(" ")
            if command != "call":
                continue
            try:
                client = client or await connect(stack, options, callback)
                result = await client.call_tool(tool, {})
                say(result=result.content[0].text)
            except Exception as error:
                traceback.print_exc()
                say(error=repr(error))


asyncio.run(main())
