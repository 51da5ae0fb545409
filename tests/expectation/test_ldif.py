import random
import unittest

import ldif


class Parsing(unittest.TestCase):
    def test_folding_base64_comments_and_trailers(self):
        text = (
            "version: 1\n\n# a comment\n#  that goes\n  on\ndn: uid=a,\n dc=x\nuid: a\nCN:: WsO8cmljaA==\n"
            "cn: second \nempty:\n\n# refldap://elsewhere\n\nsearch: 2\nresult: 0 Success\n"
        )
        (entry,) = ldif.parse(text)
        self.assertEqual(entry.dn, "uid=a,dc=x")
        self.assertEqual(entry.values("cn"), ["Zürich", "second "])
        self.assertEqual(entry.values("empty"), [""])
        self.assertEqual(entry.values("absent"), [])

    def test_a_name_in_base64(self):
        (entry,) = ldif.parse("dn:: dWlkPcO8\nobjectClass: Person\n")
        self.assertEqual(entry.dn, "uid=ü")
        self.assertTrue(entry.has_class("person"))

    def test_the_first_value_is_the_first_by_bytes(self):
        entry = ldif.parse("dn: x=y\nv: b\nv: Z\nv:: w6Q=\n")[0]
        self.assertEqual(entry.values("v"), ["Z", "b", "ä"])
        self.assertEqual(entry.first("V"), "Z")

    def test_bytes_that_are_no_text_are_left_out(self):
        self.assertEqual(ldif.parse("dn: x=y\nv:: /9j/\nv: a\n")[0].values("v"), ["a"])

    def test_what_is_no_ldif_is_refused(self):
        for text in ["dn: a=b\nno colon here\n", " continued\n", "dn: a=b\nv:< file:///etc/passwd\n", "dn: a=b\nv:: %%\n"]:
            with self.subTest(text), self.assertRaises(ValueError):
                ldif.parse(text)


class Writing(unittest.TestCase):
    def test_what_is_written_is_read_back(self):
        draw = random.Random(7)
        for _ in range(500):
            alphabet = draw.choice([" :<ab#", "añ太\n", "\0\r\n x"])
            value = "".join(draw.choice(alphabet) for _ in range(draw.randrange(200)))
            with self.subTest(value):
                text = "dn: a=b\n" + ldif.line("v", value) + "\n"
                self.assertTrue(all(len(line) <= ldif.FOLD_AT for line in text.split("\n")))
                self.assertEqual(ldif.parse(text)[0].attributes["v"], [value.encode("utf-8")])


if __name__ == "__main__":
    unittest.main()
