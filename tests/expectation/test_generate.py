import unittest

import dn
import ldif
from changes import CHANGES, thirty_changes
from generate import Generator


class Generating(unittest.TestCase):
    def test_the_same_seed_gives_the_same_files(self):
        one, other = Generator(120, 20, 4, "dc=x"), Generator(120, 20, 4, "dc=x")
        self.assertEqual(one.base(), other.base())
        self.assertEqual(thirty_changes(one), thirty_changes(other))
        self.assertNotEqual(one.base(), Generator(120, 20, 5, "dc=x").base())

    def test_names_are_unique_and_everything_asked_for_is_there(self):
        for seed in range(8):
            with self.subTest(seed):
                generator = Generator(150, 25, seed, "dc=x")
                entries = ldif.parse(generator.base())
                names = {dn.normalise(entry.dn) for entry in entries}
                self.assertEqual(len(names), len(entries))
                self.assertEqual(sum(entry.has_class("inetOrgPerson") for entry in entries), 150)
                self.assertEqual(len(thirty_changes(generator)), CHANGES)

    def test_few_enough_leave_for_accidental_deletion_prevention(self):
        for seed in range(8):
            with self.subTest(seed):
                changes = thirty_changes(Generator(500, 40, seed, "dc=x"))
                deleted = [change for change in changes if "changetype: delete" in change]
                self.assertLess(len(deleted), 10)


if __name__ == "__main__":
    unittest.main()
