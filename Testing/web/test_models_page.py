"""Models in the page: listed with their cards, imported from a folder and a zip, refused in a line, deleted."""

import json
import shutil
import zipfile

import pytest
from browsing import drops, until

from LungTumorSegLib.workstation import models

SOURCE = models.BUNDLED_FOLDER / "automatic"


@pytest.fixture
def dialog(long_page):
    long_page.click(".v-tab:has-text('Segment')")
    long_page.click("#models")
    long_page.wait_for_selector("#models-dialog .lts-model")
    yield long_page
    long_page.keyboard.press("Escape")
    long_page.wait_for_selector("#models-dialog", state="detached")


def give(page, button, path):
    with page.expect_file_chooser() as chooser:
        page.click(f"#models-dialog button:has-text('{button}')")
    chooser.value.set_files(str(path))


def told(page, words):
    page.wait_for_function("words => document.querySelector('#models-said')?.innerText.includes(words)", arg=words)


def test_models_are_listed_with_where_they_come_from_and_their_cards(dialog):
    rows = dialog.locator(".lts-model").all_inner_texts()
    assert [row.split("\n")[0] for row in rows[:2]] == ["automatic", "prompted"]
    assert all("comes with the program" in row and "MB" in row for row in rows[:2])
    dialog.locator(".lts-model").nth(1).click()
    dialog.wait_for_function("() => document.querySelector('#model-facts').innerText.includes('Known failures')")
    assert dialog.locator("#delete-model").is_disabled()


def test_a_folder_is_imported_chosen_and_deleted_after_a_question(dialog, served, tmp_path):
    shutil.copytree(SOURCE, tmp_path / "ward-7")
    give(dialog, "Import folder", tmp_path / "ward-7")
    told(dialog, "ward-7 was imported.")
    kept = served.folder / "models" / "imported" / "ward-7"
    assert sorted(file.name for file in kept.iterdir()) == ["model.json", "weights.safetensors"]
    dialog.click("#delete-model")
    dialog.click("button:has-text('Cancel'):visible")
    assert kept.is_dir()
    dialog.click("#delete-model")
    dialog.click("#models-yes")
    told(dialog, "ward-7 was deleted.")
    assert not kept.exists()
    assert dialog.locator(".lts-model:has-text('ward-7')").count() == 0


def test_a_zip_is_imported_and_what_is_no_model_is_refused_in_a_line(dialog, served, tmp_path):
    kept = drops(served)
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as packed:
        for file in SOURCE.iterdir():
            packed.write(file, f"sent-model/{file.name}")
    give(dialog, "Import zip", tmp_path / "sent.zip")
    told(dialog, "sent-model was imported.")
    with zipfile.ZipFile(tmp_path / "wrong.zip", "w") as packed:
        packed.writestr("m/model.json", json.dumps({"task": "automatic"}))
    give(dialog, "Import zip", tmp_path / "wrong.zip")
    told(dialog, "no model card")
    assert "lts-failed" in dialog.get_attribute("#models-said", "class")
    until(lambda: drops(served), lambda left: set(left) <= set(kept), dialog)  # it was copied, or is not wanted
    shutil.rmtree(served.folder / "models" / "imported" / "sent-model")
