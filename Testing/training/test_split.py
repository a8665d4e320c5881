from LungTumorSegLib.training.split import ALWAYS_TEST, part_of

PATIENTS = [f"LIDC-IDRI-{number:04d}" for number in range(1, 1011)]


def test_a_patient_is_always_in_the_same_part():
    # Written down: a change of the rule would let test patients of shipped models into training.
    stored = ["train", "validation", "train", "train", "train", "test", "train", "validation", "test", "test"]
    assert [part_of(f"LIDC-IDRI-{n:04d}") for n in range(4, 14)] == stored


def test_who_was_train_in_older_models_is_test_now_and_never_validation():
    assert {part_of(f"LIDC-IDRI-{n:04d}") for n in (15, 42, 60)} == {"test"}


def test_shares_are_about_67_10_and_23_percent():
    parts = [part_of(patient) for patient in PATIENTS]
    assert 0.62 < parts.count("train") / len(parts) < 0.72
    assert 0.07 < parts.count("validation") / len(parts) < 0.13
    assert 0.18 < parts.count("test") / len(parts) < 0.28


def test_patients_whose_whole_scans_judge_are_never_trained_on():
    assert {"LIDC-IDRI-0001", "LIDC-IDRI-0003"} == ALWAYS_TEST
    assert {part_of(patient, seed) for patient in ALWAYS_TEST for seed in range(20)} == {"test"}


def test_another_seed_is_another_split():
    assert [part_of(p, 0) for p in PATIENTS] != [part_of(p, 1) for p in PATIENTS]
