/// What `MailServer` runs. Prints the port, then one line of JSON for each mail it takes.
let mailServerScript = #"""
    import asyncio, base64, email, email.policy, json, logging, queue, ssl, subprocess, sys, threading
    from aiosmtpd.smtp import SMTP

    logging.disable(logging.CRITICAL)

    # A test may read late: a full pipe must not stop the server.
    lines = queue.Queue()

    def write():
        while True:
            print(lines.get(), flush=True)

    threading.Thread(target=write, daemon=True).start()

    REFUSALS = {"relay": "554 5.7.1 Relay access denied", "auth": "530 5.7.0 Authentication required",
                "helo": "504 5.5.2 <web1>: Helo command rejected: need fully-qualified hostname"}

    # Opened by a mail to release@.
    gate = asyncio.Event()

    class Handler:
        seen = set()
        # What a mail to tell-…@ has told it to refuse: "mail", "relay", "auth", "helo".
        refuses_us = ""

        async def handle_MAIL(self, server, session, envelope, address, options):
            if Handler.refuses_us == "mail" and "tell" not in address:
                return "553 5.7.1 Sender address rejected: not owned by user"
            envelope.mail_from = address
            return "250 OK"

        async def handle_RCPT(self, server, session, envelope, address, options):
            local, domain = address.split("@")
            if local == "release":
                gate.set()
            if domain.endswith("tarpit.example"):
                await gate.wait()
            if local.startswith("tell-"):
                Handler.refuses_us = local[len("tell-refuse-us-"):] if "refuse" in local else ""
            elif Handler.refuses_us in REFUSALS:
                return REFUSALS[Handler.refuses_us]
            if local == "blocked":
                return "554 5.7.1 blocked by the recipient's policy"
            if local == "defer":
                return "451 4.3.0 try again later"
            if local == "flaky" and address not in self.seen:
                self.seen.add(address)
                return "450 4.2.0 greylisted"
            if local == "refuse":
                return "550 5.1.1 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 ok"

        async def handle_DATA(self, server, session, envelope):
            local = envelope.rcpt_tos[0].split("@")[0]
            if local == "hang":
                await asyncio.sleep(3600)
            if local == "slow":
                await asyncio.sleep(1)
            if local == "drop":
                server.transport.abort()
                return "250 never seen"
            if local == "toobig":
                return "552 5.3.4 too big"
            message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
            defects = []
            def part(m):
                defects.extend(repr(d) for d in m.defects)
                node = {"type": m.get_content_type(), "params": dict(m["content-type"].params) if m["content-type"] else {},
                        "disposition": m.get_content_disposition(), "filename": m.get_filename(),
                        "cid": str(m["content-id"]) if m["content-id"] else None}
                if m.is_multipart():
                    node["children"] = [part(c) for c in m.iter_parts()]
                elif m.get_content_maintype() == "text":
                    node["text"] = m.get_payload(decode=True).decode("utf-8")
                else:
                    node["base64"] = base64.b64encode(m.get_payload(decode=True)).decode()
                return node
            root = part(message)
            raw = envelope.original_content
            lines.put(json.dumps({"sender": envelope.mail_from, "recipients": envelope.rcpt_tos,
                "headers": {k: str(v) for k, v in message.items()},
                "rawHeaders": raw.split(b"\r\n\r\n")[0].decode("utf-8", "replace"),
                "defects": defects + [repr(d) for h in message.values() for d in getattr(h, "defects", ())],
                "tls": server.transport.get_extra_info("sslcontext") is not None, "peerPort": session.peer[1],
                "longestLine": max(len(l) for l in raw.split(b"\r\n")), "root": root}))
            return "250 2.0.0 taken"

    async def main():
        context = None
        tls, d = sys.argv[1:]
        if tls != "off":
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", d + "/key.pem", "-out", d + "/cert.pem"],
                check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(d + "/cert.pem", d + "/key.pem")
        loop = asyncio.get_running_loop()
        upgrade = context if tls == "startTLS" else None
        server = await loop.create_server(
            lambda: SMTP(Handler(), hostname="test", enable_SMTPUTF8=True, tls_context=upgrade), "127.0.0.1", 0,
            ssl=context if tls == "implicit" else None)
        lines.put(server.sockets[0].getsockname()[1])
        await asyncio.sleep(3600)

    asyncio.run(main())
    """#
