"""What a newer description takes away from programs that were written against an older one.

Readers of answers and messages leave aside what they don't know, so that members and values of enumerations may be added there;
whoever sends must be able to go on sending what they did."""

from collections.abc import Iterator

from em.contract import resolved

METHODS = ("get", "post", "put", "patch", "delete")
SENT, READ = "sent", "read"
LOWER, UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


class Comparison:
    def __init__(self, released: dict, current: dict):
        self.released, self.current = released, current

    def openapi(self) -> list[str]:
        return list(self._paths())

    def asyncapi(self) -> list[str]:
        return list(self._channels())

    # MARK: OpenAPI

    def _paths(self) -> Iterator[str]:
        for path, item in self.released["paths"].items():
            now = self.current["paths"].get(path)
            if now is None:
                yield f"{path} is gone"
                continue
            for method in METHODS:
                if method not in item:
                    continue
                name = f"{method.upper()} {path}"
                if method not in now:
                    yield f"{name} is gone"
                    continue
                yield from self._operation(name, item[method], now[method], item, now)

    def _operation(self, name: str, before: dict, after: dict, item: dict, item_now: dict) -> Iterator[str]:
        if before["operationId"] != after["operationId"]:
            yield f"{name}: operationId was {before['operationId']}"
        schemes_before, schemes_after = ({tuple(sorted(each)) for each in operation["security"]} for operation in (before, after))
        if after["security"] and (schemes_before - schemes_after or not before["security"] and () not in schemes_after):
            yield f"{name}: other credentials than before"
        yield from self._parameters(name, before, after, item, item_now)
        yield from self._body(name, before.get("requestBody"), after.get("requestBody"))
        for code, answer in before["responses"].items():
            if code[0] not in "23":
                continue  # which refusals there are may change
            if code not in after["responses"]:
                yield f"{name}: no {code} any more"
                continue
            answer, answer_now = self._old(answer), self._new(after["responses"][code])
            for kind, media in answer.get("content", {}).items():
                if kind not in answer_now.get("content", {}):
                    yield f"{name}: {code} is no {kind} any more"
                else:
                    yield from self._schema(f"{name} {code}", media.get("schema", {}),
                                            answer_now["content"][kind].get("schema", {}), READ)
            for header in answer.get("headers", {}).keys() - answer_now.get("headers", {}).keys():
                yield f"{name}: {code} has no {header} any more"

    def _parameters(self, name: str, before: dict, after: dict, item: dict, item_now: dict) -> Iterator[str]:
        def named(parts: list[dict], look: object) -> dict[tuple[str, str], dict]:
            given = [look(each) for each in parts]
            return {(each["in"], each["name"]): each for each in given}

        old = named(item.get("parameters", []) + before.get("parameters", []), self._old)
        new = named(item_now.get("parameters", []) + after.get("parameters", []), self._new)
        for key in sorted(old.keys() - new.keys()):
            yield f"{name}: the parameter {key[1]} is gone"
        for key, parameter in sorted(new.items()):
            if parameter.get("required") and not old.get(key, {}).get("required"):
                yield f"{name}: the parameter {key[1]} has to be given"
            if key in old:
                yield from self._schema(f"{name} ?{key[1]}", old[key]["schema"], parameter["schema"], SENT)

    def _body(self, name: str, before: dict | None, after: dict | None) -> Iterator[str]:
        if after is None:
            if before is not None:
                yield f"{name}: takes no body any more"
            return
        if after.get("required") and not (before or {}).get("required"):
            yield f"{name}: the body has to be given"
        for kind, media in (before or {}).get("content", {}).items():
            if kind not in after["content"]:
                yield f"{name}: takes no {kind} any more"
            else:
                yield from self._schema(f"{name} body", media["schema"], after["content"][kind]["schema"], SENT)

    # MARK: AsyncAPI

    def _channels(self) -> Iterator[str]:
        taken = {each["$ref"] for operation in self.released["operations"].values() if operation["action"] == "receive"
                 for each in operation.get("messages", [])}
        for name, channel in self.released["channels"].items():
            now = self.current["channels"].get(name)
            if now is None:
                yield f"{name} is gone"
                continue
            for word in ("address", "bindings"):
                if channel.get(word) != now.get(word):
                    yield f"{name}: another {word}"
            for end in channel.get("x-close-codes", []):
                if end["code"] not in {each["code"] for each in now.get("x-close-codes", [])}:
                    yield f"{name}: the close code {end['code']} is gone"
            for key, message in channel["messages"].items():
                if key not in now["messages"]:
                    yield f"{name}: {key} is gone"
                    continue
                message, message_now = self._old(message), self._new(now["messages"][key])
                direction = SENT if f"#/channels/{name}/messages/{key}" in taken else READ
                if message["name"] != message_now["name"]:
                    yield f"{name}: {key} was called {message['name']}"
                for part in ("headers", "payload"):
                    if part in message:
                        yield from self._schema(f"{name} {key} {part}", message[part], message_now.get(part, {}), direction)

    # MARK: Schemas

    def _old(self, value: dict) -> dict:
        return resolved(self.released, value["$ref"]) if "$ref" in value else value

    def _new(self, value: dict) -> dict:
        return resolved(self.current, value["$ref"]) if "$ref" in value else value

    def _schema(self, where: str, before: dict, after: dict, direction: str) -> Iterator[str]:
        before, after = merged(before, self.released), merged(after, self.current)
        yield from self._values(where, before, after, direction)
        yield from self._bounds(where, before, after, direction)
        old, new = before.get("properties", {}), after.get("properties", {})
        for name in old.keys() - new.keys():
            yield f"{where}: {name} is gone"
        required, required_now = set(before.get("required", [])), set(after.get("required", []))
        if direction == READ:
            yield from (f"{where}: {name} may be missing now" for name in sorted(required - required_now) if name in new)
        else:
            yield from (f"{where}: {name} has to be given" for name in sorted(required_now - required))
        for name in sorted(old.keys() & new.keys()):
            yield from self._schema(f"{where}.{name}", old[name], new[name], direction)
        if "items" in before and "items" in after:
            yield from self._schema(f"{where}[]", before["items"], after["items"], direction)
        for word in ("anyOf", "oneOf"):
            choices, choices_now = before.get(word, []), after.get(word, [])
            if len(choices_now) > len(choices) and direction == READ or len(choices_now) < len(choices) and direction == SENT:
                yield f"{where}: other choices"
            for number, (each, each_now) in enumerate(zip(choices, choices_now, strict=False)):
                yield from self._schema(f"{where}|{number}", each, each_now, direction)

    @staticmethod
    def _values(where: str, before: dict, after: dict, direction: str) -> Iterator[str]:
        kinds, kinds_now = types(before), types(after)
        if direction == READ and not kinds_now <= kinds or direction == SENT and not kinds <= kinds_now:
            yield f"{where}: was {' or '.join(sorted(kinds))}, is {' or '.join(sorted(kinds_now))}"
        values, values_now = enumerated(before), enumerated(after)
        if "const" in before and values != values_now:
            yield f"{where}: was always {before['const']}"
        lost = [value for value in values or [] if values_now is not None and value not in values_now]
        if direction == SENT and (lost or values is None and values_now is not None):
            yield f"{where}: takes {', '.join(map(str, lost)) or 'any value'} no more"

    @staticmethod
    def _bounds(where: str, before: dict, after: dict, direction: str) -> Iterator[str]:
        if direction == READ:
            if before.get("format") != after.get("format"):
                yield f"{where}: another format"
            return
        for word in LOWER:
            if word in after and after[word] > before.get(word, float("-inf")):
                yield f"{where}: {word} is higher"
        for word in UPPER:
            if word in after and after[word] < before.get(word, float("inf")):
                yield f"{where}: {word} is lower"
        for word in ("pattern", "format"):
            if word in after and after[word] != before.get(word):
                yield f"{where}: another {word}"


def merged(schema: dict, document: dict) -> dict:
    """References filled in, and the parts of an `allOf` put together: none of ours contradict each other but for narrowing."""
    if "$ref" in schema:
        return merged(resolved(document, schema["$ref"]), document)
    made = {name: value for name, value in schema.items() if name != "allOf"}
    for part in schema.get("allOf", []):
        part = merged(part, document)
        made["properties"] = {**made.get("properties", {}), **part.get("properties", {})}
        made["required"] = made.get("required", []) + part.get("required", [])
        made.setdefault("type", part.get("type", "object"))
    return made


def enumerated(schema: dict) -> list | None:
    """The values there are; a constant is an enumeration of one. None: any."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def types(schema: dict) -> set[str]:
    """Of JSON; everything when none is named."""
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return {{str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}[type(value)] for value in values}
    if "anyOf" in schema or "oneOf" in schema or "type" not in schema:
        return set()
    named = schema["type"]
    return {named} if isinstance(named, str) else set(named)
