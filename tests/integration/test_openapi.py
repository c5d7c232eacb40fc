"""/api/openapi.json, and real answers of every route measured by it."""
import json
import re

import jsonschema
import pytest
import requests

from daemon import job
from harness import PATIENCE, wait_until


def resolve(document, node):
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def as_json_schema(node):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a list of types."""
    if isinstance(node, list):
        return [as_json_schema(n) for n in node]
    if not isinstance(node, dict):
        return node
    changed = {k: as_json_schema(v) for k, v in node.items()}
    if changed.pop("nullable", False) is True:
        changed["type"] = [changed["type"], "null"]
    return changed


class Judge:
    def __init__(self, document):
        self.document, self.seen = document, set()

    def check(self, answer, method, path):
        """The status, the content type and the body are as the operation `method path` says."""
        responses = self.document["paths"][path][method]["responses"]
        status = str(answer.status_code)
        assert status in responses, f"{method} {path} is not said to answer {status}: {answer.text}"
        content = resolve(self.document, responses[status]).get("content", {})
        kind = answer.headers.get("Content-Type", "").split(";")[0]
        if not content:
            assert (answer.content, kind) == (b"", "")
        else:
            assert kind in content, f"{method} {path} {status}: {kind}"
            if kind == "application/json":
                schema = {**content[kind]["schema"], "components": self.document["components"]}
                jsonschema.Draft4Validator(as_json_schema(schema)).validate(answer.json())
        self.seen.add((method, path, status))
        return answer


@pytest.fixture(params=["influxdb", "local"])
def judged(request, pulseline, pages, influxd, database, tmp_path):
    pages.pages["/metrics"] = b'temp{room="hall"} 20\ntemp{room="attic"} 30.5\n'
    outputs = {"influxdb": {"url": influxd.url, "database": database}, "local": {"path": str(tmp_path / "p.db")}}
    jobs = [job("j", pages.address, relabel_configs=[{"target_label": "x", "replacement": "y"}]),
            job("down", "127.0.0.1:1"), job("none", "127.0.0.1:2", relabel_configs=[{"action": "drop"}])]
    pulseline.config(jobs, [{request.param: outputs[request.param]}], server={"http": {"listen": f"127.0.0.1:{pulseline.port}", "token": "t"}},
                     kapacitor={"url": "http://127.0.0.1:1"}, alerts=[{"id": "declared", "metric": "temp", "threshold": 1, "post": "http://127.0.0.1:1/"}])
    pulseline.start()
    with_token = {"headers": {"X-AUTH-TOKEN": "t"}}
    judge = Judge(pulseline.get("/api/openapi.json", **with_token).json())

    def ask(path, query="", method="get", token=True, stream=False, json=None, **parts):
        url = pulseline.url(path.format(**parts) + query)
        return judge.check(requests.request(method, url, timeout=PATIENCE, stream=stream, json=json, **(with_token if token else {})), method, path)

    wait_until(lambda: pulseline.get("/hourly/temp", **with_token).status_code == 200, "values can be read back")
    yield judge, ask, pages
    assert pulseline.get("/-/healthy").status_code == 200


def test_the_document_is_sound(judged):
    judge, _, _ = judged
    document = judge.document
    assert document["openapi"].startswith("3.0.")
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft4Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in json.dumps(document), f"{name} is used nowhere"
    ids = [op["operationId"] for path in document["paths"].values() for op in path.values()]
    assert len(set(ids)) == len(ids)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            parameters = [resolve(document, p) for p in operation.get("parameters", [])]
            assert {p["name"] for p in parameters if p["in"] == "path"} == set(re.findall(r"{(.*?)}", path))


def ask_about_alerts(ask):
    """Kapacitor is away: an alert is stored, and waits for it."""
    alert = {"metric": "temp", "threshold": 0.5, "post": "http://127.0.0.1:1/", "nonsense": 1}
    made = ask("/alerts", method="post", json=alert).json()
    assert made["state"] != "ok" and "nonsense" in made["warnings"][0]
    assert ask("/alerts", method="post", json={"metric": "temp"}).status_code == 400
    assert ask("/alerts", method="put", json={**alert, "id": made["id"]}).json()["id"] == made["id"]
    assert ask("/alerts", method="put", json={**alert, "id": "declared"}).status_code == 409
    assert ask("/alerts").headers["X-Total-Count"] == "2"
    assert ask("/alerts", "?format=yaml").text.startswith("alerts:\n")
    assert ask("/alerts", "?limit=x").status_code == ask("/alerts/{alert}/events", "?limit=x", alert="declared").status_code == 400
    assert ask("/alerts/{alert}", alert="nothing").status_code == ask("/alerts/{alert}/events", alert="nothing").status_code == 404
    assert ask("/alerts/{alert}", alert="declared").status_code == ask("/alerts/{alert}/events", alert="declared").status_code == 200
    assert ask("/alerts/{alert}", method="put", alert="mine", json=alert).json()["id"] == "mine"
    assert ask("/alerts/{alert}/prove", method="post", alert="mine").status_code == 409
    assert ask("/alerts/{alert}", method="delete", alert="mine").status_code == 200
    assert ask("/alerts/{alert}", method="delete", alert="declared").status_code == 409
    assert ask("/kapacitor/webhook", method="post", json={}).status_code == 403


def test_every_route_answers_as_described(judged):
    judge, ask, pages = judged
    for path in ("/", "/-/healthy", "/-/ready", "/api/openapi.json", "/metrics", "/config", "/ping", "/keys", "/tags", "/api/v1/queue", "/api/v1/relays"):
        assert ask(path).status_code == 200
    for method in ("post", "put"):
        wait_until(lambda: ask("/-/reload", method=method).status_code == 200, "it reloads")  # 500: the last one is not over yet
    assert ask("/", method="options", token=False).status_code == 200
    assert ask("/api/v1/targets").json()["data"]["droppedTargets"]
    ask("/api/v1/targets", "?outcomes=5&limit=1&health=down&state=active")
    assert ask("/api/v1/targets", "?limit=x").status_code == 400
    assert ask("/api/v1/targets/raw", f"?target={pages.address}&job=j").status_code == 200
    assert ask("/api/v1/targets/raw", "?target=127.0.0.1:1").status_code == 502
    assert ask("/api/v1/targets/raw", "?target=nothing").status_code == 404
    assert ask("/api/v1/targets/raw").status_code == 400
    with ask("/api/v1/live", stream=True) as events:
        assert events.status_code == 200
    assert ask("/api/v1/live", "?match=%5Cx").status_code == 400
    assert ask("/debug/relabel", f"?target={pages.address}").json()["targets"]
    assert ask("/debug/relabel", "?target=nothing").status_code == 404
    assert ask("/debug/relabel").status_code == 400
    assert ask("/api/v1/quarantine", "?limit=5&measurement=temp").status_code == 200
    assert ask("/api/v1/quarantine", "?x=y").status_code == ask("/api/v1/quarantine", method="delete").status_code == 400
    assert ask("/api/v1/quarantine", "?all=true", method="delete").status_code == 200
    assert ask("/api/v1/quarantine/replay", "?all=true", method="post").status_code == 200
    wait_until(lambda: ask("/latest/{stat}", "?verb=none&room=hall&room=attic", stat="temp").text.startswith("["), "two rows")
    for path in ("/latest/{stat}", "/hourly/{stat}", "/daily/{stat}", "/daily_peaks/{stat}"):
        assert ask(path, stat="temp").status_code == 200
        assert ask(path, "?backfill=1&verb=sum", stat="temp").status_code == 200
        assert ask(path, stat="nothing").status_code == 404
        assert ask(path, "?verb=bogus", stat="temp").status_code == 400
        assert ask(path, stat="temp", token=False).status_code == 401
    ask_about_alerts(ask)
    asked = {(method, path) for method, path, _ in judge.seen}
    assert asked == {(method, path) for path, operations in judge.document["paths"].items() for method in operations}
