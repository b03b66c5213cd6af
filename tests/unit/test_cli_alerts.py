"""What doctor says of the place where troubles are told."""

from __future__ import annotations

from tests.command_line import CommandLine


def test_doctor_says_where_troubles_are_told(paperwire: CommandLine) -> None:
    def alerts() -> dict[str, object]:
        ran = paperwire("doctor", "--json")
        [found] = [row for row in ran.json["checks"] if row["name"] == "alerts"]
        return dict(found)

    assert alerts()["words"] == "told to nobody; the log and this command say them"
    set_to = paperwire.monkeypatch.setenv
    set_to("PAPERWIRE_WATCH__ALERT_CHANNEL", "email:ops@example.org")
    assert not alerts()["ok"]
    set_to("PAPERWIRE_WATCH__ALERT_CHANNEL", "slack:T1/C1")
    assert alerts()["words"] == "slack:T1/C1: not connected"
    set_to("PAPERWIRE_WATCH__ALERT_CHANNEL", "terminal:operators")
    assert alerts()["ok"]
    set_to("PAPERWIRE_WATCH__ALERT_CHANNEL", "terminal:desk")
    assert paperwire("chat", "subscribe", "speech").status == 0
    assert "gets digests" in str(alerts()["words"])
