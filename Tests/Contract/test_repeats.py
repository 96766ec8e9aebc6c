"""What happens when a POST is sent again because its answer was lost: either it can be named by an Idempotency-Key, or it stands
here with the reason why a repeat does no harm. That the key is honoured, Tests/Flow/HTTP/test_repeats.py proves."""

import copy

from test_openapi import openapi, operations

WITHOUT_KEY = {
    "signUp": "an address has one account: a repeat is told so, and signing in goes on from there",
    "logIn": "a session more, which ends by itself and which its person can end",
    "refresh": "goes on with a session; nothing is made",
    "logOut": "sets a state",
    "signInByLink": "a token works once",
    "reauthenticate": "sets how young the sign-in is",
    "verifyEmail": "a token works once",
    "resendVerification": "a mail more; throttled, and every link of them works",
    "requestPasswordReset": "a mail more; throttled, and every link of them works",
    "resetPassword": "a token works once",
    "confirmEmailChange": "a token works once",
    "changePassword": "sets a state",
    "changeEmail": "sets a wish; the one before is withdrawn",
    "readAllNotifications": "sets a state",
    "readNotification": "sets a state",
    "unsubscribe": "sets a state",
    "publishEvent": "sets a state",
    "cancelEvent": "sets a state",
    "resendMail": "while one is on its way no second one is sent",
    "reissueTicket": "the ticket named is taken back once, and there is one after it",
    "offerTicket": "an offer to the same address that stands already is it",
    "acceptTicket": "a token works once",
    "mergeScans": "each scan has the device's own name for it",
    "undoCheckIn": "done twice it is done once",
    "addMember": "sets a person's role: 200 when it is so already",
    "previewAnnouncement": "makes nothing",
    "previewMail": "makes a page that nobody else finds and that is forgotten within an hour",
    "retryDelivery": "the same delivery, under the same webhook-id",
    "lockAccount": "sets a state",
    "unlockAccount": "sets a state",
    "pauseSending": "sets a state",
    "resumeSending": "sets a state",
    "replayDeadLetter": "twice it changes nothing",
}


def wrong(document: dict) -> list[str]:
    found, named = [], set()
    for path, method, operation in operations(document):
        name = operation["operationId"]
        has_key = {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])
        if has_key:
            named.add(name)
            answers = [each for code, each in operation["responses"].items() if code[0] == "2"]
            found += [f"{name}: its answer doesn't tell that it is an earlier one's" for each in answers
                      if "Idempotency-Replayed" not in each.get("headers", {})]
            if "409" not in operation["responses"]:
                found.append(f"{name}: 409, while the first is in flight")
        if method == "post" and has_key == (name in WITHOUT_KEY):
            found.append(f"{name}: {'has a key, and a reason for none' if has_key else 'has neither a key nor a reason for none'}")
    names = {operation["operationId"] for _, _, operation in operations(document)}
    return found + [f"{name}: there is no such operation" for name in WITHOUT_KEY.keys() - names]


def test_every_post_may_be_sent_again() -> None:
    assert wrong(openapi()) == []


def test_control_one_without_key_and_reason_is_found() -> None:
    document = copy.deepcopy(openapi())
    document["paths"]["/api/v1/events"]["post"]["parameters"] = []
    document["paths"]["/api/v1/api-keys"]["post"]["responses"]["201"].pop("headers")
    assert len(wrong(document)) == 2
