"""`python -m tests.orchestration.write_snapshot`, after specs were changed on purpose: writes what the test reads."""

from tests.orchestration.specs import SNAPSHOT, written

if __name__ == "__main__":
    SNAPSHOT.write_text(written(), encoding="utf-8")
