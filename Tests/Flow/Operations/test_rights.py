"""Each service has users of its own in PostgreSQL, RabbitMQ and Redis, which can do what its work needs and no more.

That they can do what they need, every other flow test shows: the stack runs with them."""

import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import pika
import pika.exceptions
import psycopg
import psycopg.errors
import pytest

from em.redis import Publisher
from em.stack import SERVICES, Stack
from em_stack import services

DENIED = psycopg.errors.InsufficientPrivilege


def told(stack: Stack, service: str, name: str) -> str:
    """What a service reads from its environment: the value, or the file that it names."""
    environment = services.service_environment(stack.layout, service)
    if name in environment:
        return environment[name]
    with open(environment[f"{name}_FILE"]) as file:
        return file.read().strip()


def allowed(stack: Stack, service: str, statement: str) -> bool:
    """Whether the service's role may run it; whatever it does is rolled back."""
    with psycopg.connect(told(stack, service, "EM_DATABASE_URL")) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        try:
            connection.execute(statement)
        except DENIED:
            return False
        except psycopg.Error:
            return True  # it may, and something else was in the way
        finally:
            connection.rollback()
    return True


# Statement, and the services whose role may run it. All others must not.
API = {"api-service"}
WORKERS = {"ticket-worker", "notifications"}
STATEMENTS = {
    "SELECT password_hash FROM users": API,
    "SELECT email FROM users": API | {"notifications"},
    "SELECT role FROM users": {"api-service", "notifications", "ws-hub"},
    "UPDATE users SET role = 'admin'": API,
    "SELECT token_hash FROM refresh_tokens": API,
    "SELECT revoked_at FROM sessions": API | {"ws-hub"},
    "UPDATE sessions SET revoked_at = NULL": API,
    "INSERT INTO registrations (id) VALUES (NULL)": API,
    "UPDATE registrations SET status = 'confirmed'": API,
    "DELETE FROM registrations": API,
    "UPDATE event_places SET confirmed = 0": API,
    "UPDATE events SET title = ''": API,
    "INSERT INTO event_members (event_id) VALUES (NULL)": API,
    "SELECT new_email FROM email_changes": API | {"notifications"},
    "UPDATE email_changes SET confirmed_at = now()": API,
    "SELECT token_hash FROM account_links": API | {"notifications"},
    "UPDATE account_links SET used_at = NULL": API,
    "SELECT qr_text FROM tickets": API | WORKERS,
    "INSERT INTO tickets (id) VALUES (NULL)": API | {"ticket-worker"},
    "UPDATE tickets SET status = 'valid'": API,
    "INSERT INTO check_ins (id) VALUES (NULL)": API,
    "SELECT public_key FROM ticket_keys": API | {"ticket-worker"},
    "INSERT INTO ticket_keys (key_id) VALUES (NULL)": {"ticket-worker"},
    "UPDATE ticket_keys SET retired_at = NULL": {"ticket-worker"},
    "DELETE FROM ticket_keys": set(),
    "UPDATE notifications SET status = 'sent'": API | {"notifications"},
    "SELECT last_error FROM notifications": API | {"notifications"},
    "UPDATE mailings SET status = 'done'": API | {"notifications"},
    "INSERT INTO mailings (id) VALUES (NULL)": API | {"notifications"},
    "UPDATE announcements SET title = ''": API,
    "SELECT mail FROM notification_preferences": API | {"notifications"},
    "UPDATE notification_preferences SET mail = false": API,
    "SELECT token_hash FROM unsubscribe_links": API,
    "SELECT detail FROM delivery_attempts": API | {"notifications"},
    "UPDATE delivery_attempts SET detail = ''": API,
    "SELECT paused_at FROM sending": API | {"notifications"},
    "UPDATE sending SET paused_at = NULL": API | {"notifications"},
    "UPDATE subscriptions SET url = ''": API,
    "UPDATE subscriptions SET status = 'paused'": API | {"notifications"},
    "SELECT hash FROM api_keys": API,
    "SELECT data FROM published_messages": API | {"notifications"},
    "DELETE FROM webhook_deliveries": API,
    "UPDATE webhook_attempts SET excerpt = ''": API,
    "INSERT INTO outbox (message_id) VALUES (NULL)": API | WORKERS,
    "SELECT 1 FROM outbox": API,
    "UPDATE outbox SET published_at = now()": API,
    "SELECT 1 FROM audit": API,
    "INSERT INTO audit (action) VALUES ('x')": API,
    "UPDATE audit SET action = 'x'": set(),
    "DELETE FROM audit_seals": set(),
    "SELECT 1 FROM idempotency_keys": API,
    "SELECT hash FROM api_keys": API,
    "INSERT INTO api_keys (id) VALUES (NULL)": API,
    "UPDATE subscriptions SET password_hash = NULL": API,
    "CREATE TABLE mine (id integer)": set(),
    "ALTER TABLE users ADD COLUMN mine integer": set(),
    "SELECT pg_read_file('/etc/passwd')": set(),
    "COPY users TO PROGRAM 'cat'": set(),
    "SET ROLE em_owner": set(),
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_role_of_the_database_does_what_it_needs_and_no_more(stack: Stack, statement: str) -> None:
    assert {service for service in SERVICES if allowed(stack, service, statement)} == STATEMENTS[statement]


def test_no_two_services_log_in_as_the_same_user(stack: Stack) -> None:
    for name, users in {"EM_DATABASE_URL": SERVICES, "EM_AMQP_URL": ("api-service", "ticket-worker", "notifications"),
                        "EM_REDIS_URL": ("api-service", "ws-hub")}.items():
        logins = [(urlsplit(told(stack, service, name)).username, urlsplit(told(stack, service, name)).password) for service in users]
        assert len({user for user, _ in logins}) == len({password for _, password in logins}) == len(users)
        assert not {user for user, _ in logins} & {"postgres", "em_owner", "em", "default", ""}
    with psycopg.connect(stack.address["EM_DATABASE_URL"]) as connection:
        powers = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'em\\_%' AND rolname <> 'em_owner' AND "
                                    "(rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)").fetchall()
    assert powers == []


def test_a_secret_is_told_to_whom_it_serves(stack: Stack) -> None:
    holders = {name: {service for service in SERVICES
                      if {name, f"{name}_FILE"} & services.service_environment(stack.layout, service).keys()}
               for name in ("EM_TICKET_KEY", "EM_ACCESS_TOKEN_KEY", "EM_WEBHOOK_KEY", "EM_MIGRATION_DATABASE_URL", "EM_SMTP_URL")}
    assert holders == {"EM_TICKET_KEY": {"ticket-worker"}, "EM_ACCESS_TOKEN_KEY": {"api-service"},
                       "EM_WEBHOOK_KEY": {"api-service", "notifications"}, "EM_MIGRATION_DATABASE_URL": set(), "EM_SMTP_URL": {"notifications"}}


def broker_allows(stack: Stack, service: str, action: Callable[[pika.adapters.blocking_connection.BlockingChannel], object]) -> bool:
    connection = pika.BlockingConnection(pika.URLParameters(told(stack, service, "EM_AMQP_URL")))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        action(channel)
        return True
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 403, error
        return False
    finally:
        connection.close()


def publishing(exchange: str, key: str) -> Callable[[pika.adapters.blocking_connection.BlockingChannel], object]:
    # To a key that nothing is bound by: a message that may be published goes nowhere.
    return lambda channel: channel.basic_publish(exchange, key, b"{}")


ACTIONS = {
    "publish a fact": (publishing("em.events", "em.test.nothing"), API),
    "publish a job": (publishing("em.work", "test.nothing"), API),
    "publish to a queue by its name": (publishing("", "test.nothing"), API),
    "hand over for another try": (publishing("em.retry", "test.nothing"), API | WORKERS),
    "read what ticket-worker parked": (lambda channel: channel.basic_get("ticket-worker.issue.parked"), API | {"ticket-worker"}),
    "read what notifications parked": (lambda channel: channel.basic_get("notifications.mail.parked"), API | {"notifications"}),
    "make a queue": (lambda channel: channel.queue_declare(f"test.{uuid.uuid4().hex}", exclusive=True), set()),
    "delete an exchange": (lambda channel: channel.exchange_delete("test.nothing"), set()),
    "throw away what waits": (lambda channel: channel.queue_delete("notifications.mail", if_empty=True, if_unused=True), API),
}


@pytest.mark.parametrize("name", [name for name in ACTIONS if name != "throw away what waits"])
def test_a_user_of_the_broker_does_what_it_needs_and_no_more(stack: Stack, name: str) -> None:
    action, who = ACTIONS[name]
    assert {service for service in ("api-service", "ticket-worker", "notifications") if broker_allows(stack, service, action)} == who


def test_a_worker_cannot_take_queues_away(stack: Stack) -> None:
    """api-service's user may, since it makes them; it is not tried."""
    for service in WORKERS:
        assert not broker_allows(stack, service, ACTIONS["throw away what waits"][0])


COMMANDS = {
    ("PING",): {"api-service", "ws-hub"},
    ("PUBLISH", "em:live:test", "x"): API,
    ("SUBSCRIBE", "em:live:test"): {"ws-hub"},
    ("PUBLISH", "other:test", "x"): set(),
    ("SUBSCRIBE", "other:test"): set(),
    ("GET", "em:test"): API,
    ("SET", "em:test:rights", "x", "PX", "1"): API,
    ("SET", "other:test", "x"): set(),
    ("KEYS", "*"): set(),
    ("FLUSHALL",): set(),
    ("CONFIG", "GET", "requirepass"): set(),
    ("ACL", "LIST"): set(),
    ("EVAL", "return 1", "0"): API,
    ("EVAL", "return redis.call('set', KEYS[1], 'x', 'px', 1)", "1", "em:test:rights"): API,
    ("EVAL", "return redis.call('set', KEYS[1], 'x')", "1", "other:test"): set(),
    ("EVAL_RO", "return 1", "0"): set(),
    ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"): set(),
    ("SCRIPT", "LOAD", "return 1"): set(),
    ("SCRIPT", "FLUSH"): set(),
    ("FUNCTION", "LIST"): set(),
    ("FUNCTION", "LOAD", "#!lua name=mine\nredis.register_function('f', function() return 1 end)"): set(),
    ("FCALL", "f", "0"): set(),
    ("FCALL_RO", "f", "0"): set(),
    ("SSUBSCRIBE", "em:test"): set(),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_user_of_redis_does_what_it_needs_and_no_more(stack: Stack, command: tuple[str, ...]) -> None:
    def may(service: str) -> bool:
        with Publisher(told(stack, service, "EM_REDIS_URL")) as redis:
            return not redis.ask(*command).startswith(b"-NOPERM")

    assert {service for service in ("api-service", "ws-hub") if may(service)} == COMMANDS[command]
