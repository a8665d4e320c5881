import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.losses import LOSSES
from LungTumorSegLib.training import recipe as tables
from LungTumorSegLib.training.learner import loss_of, rate_share
from LungTumorSegLib.training.recipe import Schedule
from LungTumorSegLib.training.recipe_file import read_recipe, recipe_names

NAMES = (
    "automatic",
    "brats-dilated",
    "brats-residual",
    "energy-efficient-enet",
    "fine-tune-automatic",
    "fine-tune-prompted",
    "lungs-left-right",
    "prompted",
    "pscc-swinunetr",
    "two-stage-gate",
)


def test_the_recipes_of_all_systems_come_with_the_program():
    assert tuple(recipe_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_bundled_recipe_is_valid_and_says_what_it_is(name):
    recipe = read_recipe(name)
    assert recipe.describes
    loss_of(recipe)
    if recipe.gate:
        assert (recipe.gate.task, recipe.gate.network.name) == ("gate", "XceptionGate")
        loss_of(recipe.gate)


def test_a_precision_needs_no_quotes():
    assert read_recipe("pscc-swinunetr", ["run.precision=32"]).run.precision == "32"


def test_every_loss_of_the_networks_can_be_named():
    assert {*LOSSES, "reader-votes"} == set(tables.LOSSES)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("run.step=3", "unknown key 'run.step': choose one of steps, "),
        ("nonsense=1", "unknown key 'nonsense': choose one of describes, task, network"),
        ("run.steps=many", "run.steps = 'many': must be a whole number from 1"),
        ("run.steps=true", "run.steps"),
        ("loss.name=hinge", "must be one of bce, weighted-bce"),
        ("network.name=VGG", "must be one of UNet, SegNet"),
        ("optimiser.learning_rate=fast", 'must be "find" or a number'),
        ("data.hu_range=[3, 1]", "two numbers, the smaller first"),
        ("data.window=[100, 100]", "must be multiples of 8"),
        ("data.window=[64, 64, 64]", "must be two sides"),
        ("augmentation.flip=['up']", "a list of left-right, front-back, head-feet"),
        ("run.steps=1001", "must be a multiple of run.steps_an_epoch"),
        ("run", "write key=value"),
        ("gate.network.name=UNet", "is not for the task gate"),
        ("network.name=XceptionGate", "is not for the task automatic"),
    ],
)
def test_a_wrong_key_or_value_is_refused_in_one_line_that_says_what_is_allowed(setting, words):
    with pytest.raises(InputRefused) as refused:
        read_recipe("energy-efficient-enet", [setting])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_setting_goes_over_the_file_and_words_need_no_quotes(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[network]\nname = "ENet"\n[data]\nwindow = [32, 32]\n[run]\nsteps = 20\n')
    recipe = read_recipe(str(file), ["run.steps=10", "loss.name=focal", "loss.arguments.gamma=2.0"])
    assert (recipe.name, recipe.run.steps, recipe.run.steps_an_epoch) == ("mine", 10, 10)
    assert (recipe.loss.name, recipe.loss.arguments) == ("focal", {"gamma": 2.0})


@pytest.mark.parametrize("setting", ["loss.arguments.bogus=3", "loss.arguments.dice=many", "loss.arguments.entropy=-1"])
def test_the_default_models_loss_takes_what_it_knows_alone(setting):
    with pytest.raises(InputRefused, match="loss"):
        loss_of(read_recipe("prompted", [setting]))


def test_a_file_as_notepad_saves_it_is_a_recipe(tmp_path):
    (tmp_path / "mine.toml").write_text('describes = "mine"\n', encoding="utf-8-sig")
    assert read_recipe(str(tmp_path / "mine.toml")).describes == "mine"


def test_a_file_that_is_no_recipe_is_refused(tmp_path):
    (tmp_path / "odd.toml").write_text("run = [")
    with pytest.raises(InputRefused, match="not TOML"):
        read_recipe(str(tmp_path / "odd.toml"))
    with pytest.raises(InputRefused, match="give one of automatic"):
        read_recipe("nothing")


def test_a_gate_takes_over_what_it_does_not_say_itself():
    recipe = read_recipe("two-stage-gate", ["run.seed=7", "gate.run.steps=500"])
    assert recipe.gate.run.seed == 7
    assert recipe.gate.run.steps == 500
    assert recipe.run.steps == 10000
    assert recipe.gate.data == recipe.data


def test_a_gate_says_any_or_none_whatever_the_segmentation_says():
    recipe = read_recipe("two-stage-gate", ["data.activation=softmax", "data.classes=each"])
    assert (recipe.data.activation, recipe.data.classes) == ("softmax", "each")
    assert (recipe.gate.data.activation, recipe.gate.data.classes) == ("sigmoid", "union")


def test_the_learning_rate_warms_up_and_follows_its_cosines():
    once = Schedule("cosine", warm_up=10, lowest=0.1)
    assert rate_share(0, once, 110) == pytest.approx(0.1)
    assert rate_share(10, once, 110) == pytest.approx(1.0)
    assert rate_share(60, once, 110) == pytest.approx(0.55)
    assert rate_share(110, once, 110) == pytest.approx(0.1)
    cyclic = Schedule("cyclic", cycles=4, lowest=0.0)
    assert [rate_share(step, cyclic, 100) for step in (0, 25, 50, 75)] == pytest.approx([1.0] * 4)
    assert rate_share(24, cyclic, 100) < 0.01
