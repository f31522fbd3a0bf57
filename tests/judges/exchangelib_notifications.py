"""exchangelib against the lab: pull, streaming and push notifications, impersonation, faults, Autodiscover, HTTPS."""

import http.server
import threading
import time

import requests
from exchangelib import Configuration, Credentials, Message
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorImpersonateUserDenied,
    ErrorInvalidSyncStateData,
    ErrorNonExistentMailbox,
    ErrorServerBusy,
    ErrorSubscriptionNotFound,
    UnauthorizedError,
)
from exchangelib.services import SendNotification
from exchangelib.services.get_user_settings import GetUserSettings

from lab_client import Judge, account, ready

CONTROL = None


def fault(**wanted):
    requests.post(f"{CONTROL}/faults", json=wanted, timeout=10).raise_for_status()


def saved(alice, subject):
    item = Message(account=alice, folder=alice.inbox, subject=subject, body="x")
    item.save()
    return item


def kinds(notifications):
    return [event.ELEMENT_NAME for notification in notifications for event in notification.events]


def pull(judge, alice):
    with alice.inbox.pull_subscription(timeout=10) as (subscription, watermark):
        quiet = list(alice.inbox.get_events(subscription, watermark))
        judge.equal("no news is a status event", kinds(quiet), ["StatusEvent"])
        item = saved(alice, "Pulled")
        news = list(alice.inbox.get_events(subscription, watermark))
        judge.check("creation told", "CreatedEvent" in kinds(news), kinds(news))
        created = [e for n in news for e in n.events if e.ELEMENT_NAME == "CreatedEvent"]
        judge.equal("created item's id", created[0].item_id.id, item.id)
        folder_event = [e for n in news for e in n.events if e.ELEMENT_NAME == "ModifiedEvent" and e.folder_id]
        judge.check("unread count told", folder_event and folder_event[0].unread_count is not None)
        watermark = news[-1].events[-1].watermark
        item.move(alice.trash)
        news = list(alice.inbox.get_events(subscription, watermark))
        judge.check("move told", "MovedEvent" in kinds(news), kinds(news))
    try:
        list(alice.inbox.get_events(subscription, watermark))
        judge.check("ended subscription is unknown", False)
    except ErrorSubscriptionNotFound:
        judge.check("ended subscription is unknown", True)


def streaming(judge, alice, bob):
    with alice.inbox.streaming_subscription() as subscription:
        got = []

        def listen():
            for notification in alice.inbox.get_streaming_events(
                subscription, connection_timeout=1, max_notifications_returned=2
            ):
                got.append((time.monotonic(), notification))

        listener = threading.Thread(target=listen)
        listener.start()
        time.sleep(1)
        sent = time.monotonic()
        Message(account=bob, subject="Streamed", body="x", to_recipients=["alice@lab.example"]).send()
        Message(account=bob, subject="Streamed too", body="x", to_recipients=["alice@lab.example"]).send()
        listener.join(timeout=30)
        judge.check("stream told of both mails", not listener.is_alive() and len(got) >= 2, len(got))
        seen = kinds([notification for _, notification in got])
        judge.check("new mail told", "NewMailEvent" in seen, seen)
        judge.check("no watermarks in a stream", all(getattr(e, "watermark", None) is None for _, n in got for e in n.events))
        print(f"     first event after {(got[0][0] - sent) * 1000:.0f} ms")
        item = saved(alice, "Between connections")
        late = next(iter(alice.inbox.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=1)))
        judge.check("events between connections are kept", any(getattr(e, "item_id", None) and e.item_id.id == item.id for e in late.events))


def push(judge, alice):
    received, answers = [], []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 the name is http.server's
            service = SendNotification(protocol=None)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.extend(service.parse(body))
            answer = service.unsubscribe_payload() if len(received) > 2 else service.ok_payload()
            if len(received) == 2 and not answers:
                # Not taken: the lab has to say it again.
                answers.append("refused")
                received.pop()
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/ews/push/unguessable"
    subscription, watermark = alice.inbox.subscribe_to_push(callback_url=url, status_frequency=1)
    wait(lambda: len(received) >= 1)
    judge.equal("push begins with a status event", kinds(received[:1]), ["StatusEvent"])
    judge.equal("with the subscription's id", received[0].subscription_id, subscription)
    judge.equal("and watermark", received[0].previous_watermark, watermark)
    item = saved(alice, "Pushed")
    wait(lambda: len(received) >= 2, 60)
    judge.check("what was not taken comes again", answers == ["refused"] and len(received) >= 2)
    told = [e for n in received for e in n.events if e.ELEMENT_NAME == "CreatedEvent"]
    judge.equal("creation pushed", [e.item_id.id for e in told][:1], [item.id])
    saved(alice, "The last one")
    wait(lambda: len(received) >= 3)
    time.sleep(0.3)
    before = len(received)
    saved(alice, "Nobody listens")
    time.sleep(0.5)
    judge.equal("unsubscribed by the answer", len(received), before)
    server.shutdown()


def wait(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)


def impersonation(judge, lab):
    alice = account(lab, "alice", caller="svc-tieline")
    item = saved(alice, "By the service account")
    judge.equal("impersonated item in alice's inbox", account(lab, "alice").inbox.get(id=item.id).subject, item.subject)
    judge.equal("the caller's own inbox is empty", account(lab, "svc-tieline").inbox.filter(subject=item.subject).count(), 0)
    for what, act, error in (
        ("an ordinary user may not impersonate", lambda: account(lab, "alice", caller="bob").inbox.all().count(), ErrorImpersonateUserDenied),
        ("nobody has no mailbox", lambda: account(lab, "nobody", caller="svc-tieline").inbox.all().count(), ErrorNonExistentMailbox),
        ("another's mailbox is closed", lambda: account(lab, "alice", signed_in="bob").inbox.all().count(), ErrorAccessDenied),
    ):
        try:
            act()
            judge.check(what, False, "no error")
        except error:
            judge.check(what, True)
        except Exception as other:  # noqa: BLE001 a judge reports whatever came instead
            judge.check(what, False, repr(other))


def wrong_password(judge, lab):
    try:
        account(lab, "alice", password="wrong").inbox.all().count()
        judge.check("wrong password refused", False)
    except UnauthorizedError:
        judge.check("wrong password refused", True)


def faults(judge, alice):
    for kind in ("server-busy", "message-busy", "http503", "connection-count"):
        fault(fault=kind, user="alice@lab.example", operation="FindItem", count=1)
        try:
            alice.inbox.all().count()
            judge.check(f"{kind} is seen", False, "no error")
        except ErrorServerBusy as error:
            judge.check(f"{kind} is seen", True)
            if kind == "server-busy":
                judge.equal("back-off told", error.back_off, 1)
        except Exception as other:  # noqa: BLE001
            judge.check(f"{kind} is seen", True, repr(other))
            print(f"     as {type(other).__name__}")
    judge.check("and over", alice.inbox.all().count() >= 0)
    list(alice.inbox.sync_items())
    fault(fault="expired-sync-state", operation="SyncFolderItems", count=1)
    try:
        list(alice.inbox.sync_items(sync_state=alice.inbox.item_sync_state))
        judge.check("expired state refused", False)
    except ErrorInvalidSyncStateData:
        judge.check("expired state refused", True)
    whole = alice.inbox.all().count()
    fault(fault="empty-listing", operation="FindItem", count=1)
    judge.equal("empty listing", (alice.inbox.all().count(), alice.inbox.all().count()), (0, whole))
    fault(fault="lost-response", operation="CreateItem", count=1)
    try:
        saved(alice, "Answer lost")
    except Exception as error:  # noqa: BLE001
        print(f"     lost response seen as {type(error).__name__}")
    judge.check("the lost answer's effect is there", alice.inbox.filter(subject="Answer lost").count() >= 1)
    requests.delete(f"{CONTROL}/faults", timeout=10)
    recorded = requests.get(f"{CONTROL}/requests", timeout=10).json()
    judge.check("requests are journalled", len(recorded) > 20)
    judge.check("service times are journalled", all(r["service_us"] > 0 for r in recorded))
    judge.check("faults are journalled", {"server-busy", "lost-response"} <= {r["fault"] for r in recorded})


def autodiscover(judge, lab):
    request = (
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
        "<EMailAddress>{}</EMailAddress><AcceptableResponseSchema>"
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    )
    auth = ("LAB\\alice", "lab-password")
    url = lab["autodiscover_pox"].replace("autodiscover/autodiscover.xml", "Autodiscover/Autodiscover.xml")
    judge.equal("Autodiscover wants a password", requests.post(url, data=request, timeout=10).status_code, 401)
    found = requests.post(url, data=request.format("alice@lab.example"), auth=auth, timeout=10)
    judge.check("POX names the EWS URL", f"<EwsUrl>{lab['ews_http']}</EwsUrl>" in found.text, found.text)
    missing = requests.post(url, data=request.format("nobody@lab.example"), auth=auth, timeout=10)
    judge.check("POX knows who is not there", "<ErrorCode>500</ErrorCode>" in missing.text)
    protocol = AutodiscoverProtocol(
        config=Configuration(service_endpoint=lab["autodiscover_soap"], credentials=Credentials(*auth), auth_type="basic")
    )
    user = next(iter(GetUserSettings(protocol=protocol).call(users=["alice@lab.example"], settings=["user_display_name", "external_ews_url"])))
    judge.equal("SOAP names the EWS URL", user.ews_url, lab["ews_http"])


def main():
    global CONTROL
    judge = Judge("exchangelib-notifications")
    lab = ready()
    CONTROL = lab["control"]
    alice = account(lab, "alice")
    bob = account(lab, "bob")
    pull(judge, alice)
    streaming(judge, alice, bob)
    push(judge, alice)
    impersonation(judge, lab)
    wrong_password(judge, lab)
    faults(judge, alice)
    autodiscover(judge, lab)
    names = alice.protocol.resolve_names(["bob"], return_full_contact_data=True)
    judge.equal("name resolved", names[0][0].email_address, "bob@lab.example")
    judge.check("time zones", len(list(alice.protocol.get_timezones())) > 5)
    judge.end()


if __name__ == "__main__":
    main()
