import random
import unittest

import dn


class Comparing(unittest.TestCase):
    def test_one_name_in_many_spellings(self):
        for one, other in [
            ("cn=Smith\\, John,dc=x", "CN=smith\\2C john , DC=X"),
            ("cn=a+uid=b,dc=x", "UID=B + CN=A,dc=x"),
            ("cn=two  spaces,dc=x", "cn=two spaces,dc=x"),
            ('cn="quoted, name",dc=x', "cn=quoted\\, name,dc=x"),
            ("cn=J\\C3\\BCrgen,dc=x", "cn=jürgen,dc=x"),
            ("", "  "),
        ]:
            with self.subTest(one):
                self.assertEqual(dn.normalise(one), dn.normalise(other))

    def test_different_names_stay_different(self):
        for one, other in [("cn=a,dc=x", "cn=b,dc=x"), ("cn=a,dc=x", "uid=a,dc=x"), ("cn=a\\,dc=x", "cn=a,dc=x")]:
            with self.subTest(one):
                self.assertNotEqual(dn.normalise(one), dn.normalise(other))

    def test_what_is_below_what(self):
        self.assertTrue(dn.is_below("uid=a, OU=People,dc=x", "ou=people,dc=x"))
        self.assertTrue(dn.is_below("ou=people,dc=x", "ou=people,dc=x"))
        self.assertFalse(dn.is_below("uid=a,ou=morepeople,dc=x", "ou=people,dc=x"))
        self.assertFalse(dn.is_below("dc=x", "ou=people,dc=x"))

    def test_what_is_no_name_is_refused(self):
        for text in ["ghost", "cn=a,,dc=x", "=a", "cn=a\\"]:
            with self.subTest(text), self.assertRaises(dn.DnError):
                dn.normalise(text)


class Escaping(unittest.TestCase):
    def test_an_escaped_value_is_one_value(self):
        draw = random.Random(3)
        for _ in range(500):
            value = "x" + "".join(draw.choice(',+"\\<>;=# aü') for _ in range(draw.randrange(12))) + "x"
            with self.subTest(value):
                name = frozenset({("cn", " ".join(value.casefold().split()))})
                self.assertEqual(dn.normalise(f"cn={dn.escape(value)},dc=x"), (name, frozenset({("dc", "x")})))

    def test_spaces_and_hashes_at_the_ends(self):
        self.assertEqual(dn.escape("#a "), "\\#a\\ ")
        self.assertEqual(dn.escape(" a"), "\\ a")


if __name__ == "__main__":
    unittest.main()
