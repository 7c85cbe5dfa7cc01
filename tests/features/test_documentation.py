from lintel.features.catalogue import catalogue
from lintel.features.documentation import catalogue_markdown


def test_every_feature_has_a_row_with_all_its_cells() -> None:
    page = catalogue_markdown()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(catalogue().names)
    assert {row.count(" | ") for row in rows} == {5}
    assert catalogue().digest in page
