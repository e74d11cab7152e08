import json

from resemul.cli import run


def test_songs_are_tagged_by_models_and_planned(song, data_folder, open_fakes, capsys):
    path = song("flac")
    table = path.with_name("map.csv")
    table.write_text("tag,kind\nloud,mood\nquiet,ignore\n")
    plan = path.with_name("plan.jsonl")
    arguments = ["plan", str(path), "--model", "msd-musicnn", "--map", str(table)]
    assert run(["file-tags", *arguments, "--min-score", "0", "-o", str(plan)]) == 0
    assert set(open_fakes) == {"msd-musicnn"}
    assert "mood      (none) -> Loud  [MOOD]" in capsys.readouterr().out
    changes = json.loads(plan.read_text().splitlines()[1])["changes"]
    assert [change["field"] for change in changes] == ["mood", "evidence"]
