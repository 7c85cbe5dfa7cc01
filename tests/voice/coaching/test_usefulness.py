from lintel.voice.coaching.usefulness import Usefulness, muted


def test_a_card_is_muted_only_on_evidence() -> None:
    records = [Usefulness("new", 0, 19), Usefulness("poor", 0, 20), Usefulness("fair", 4, 20), Usefulness("none", 0, 0)]
    assert muted(records) == {"poor"}
    assert Usefulness("none", 0, 0).share is None
