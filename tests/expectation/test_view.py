import unittest

import differences
import ldif
import target
import view
import writes

BASE = """
dn: uid=ada,ou=people,dc=x
objectClass: inetOrgPerson
entryUUID: u-ada
uid: ada
uid: Ada2
cn: Ada L
sn: Lovelace
mail: z@x
mail: a@x
c: GB
manager: UID=bob, ou=People,dc=x

dn: uid=bob,ou=people,dc=x
objectClass: inetOrgPerson
entryUUID: u-bob
uid: bob
cn: Bob
sn: B
givenName: Bob
displayName: Bobby
telephoneNumber: 1
manager: uid=ghost,ou=people,dc=x

dn: uid=svc,ou=services,dc=x
objectClass: inetOrgPerson
entryUUID: u-svc
uid: svc
cn: svc
sn: svc

dn: cn=one,ou=groups,dc=x
objectClass: groupOfNames
entryUUID: g-one
cn: one
member: uid=ada,ou=people,dc=x
member: cn=placeholder,dc=x
member: not a name
member: cn=two,ou=groups,dc=x

dn: cn=two,ou=groups,dc=x
objectClass: posixGroup
entryUUID: g-two
cn: two
memberUid: bob
memberUid: ghost
"""


def views(text):
    return view.of_directory(ldif.parse(text), "ou=people,dc=x", "ou=groups,dc=x")


class Mapping(unittest.TestCase):
    def test_the_rules_of_the_template(self):
        found = views(BASE)
        self.assertEqual(found["users"].keys(), {"u-ada", "u-bob"})
        self.assertEqual(
            found["users"]["u-ada"],
            {
                "userName": "Ada2", "displayName": "Ada L", "name.familyName": "Lovelace", "name.formatted": "Lovelace",
                "emails[work].value": "a@x", "addresses[work].country": "GB", "externalId": "u-ada", "active": True,
                "manager": "u-bob",
            },
        )
        bob = found["users"]["u-bob"]
        self.assertEqual((bob["displayName"], bob["name.formatted"]), ("Bobby", "Bob B"))
        self.assertNotIn("manager", bob)
        self.assertEqual(found["groups"]["g-one"]["members"], ["g-two", "u-ada"])
        self.assertEqual(found["groups"]["g-two"]["members"], ["u-bob"])

    def test_values_stay_where_their_source_is_gone_and_references_do_not(self):
        before = views(BASE)
        after = BASE.replace("telephoneNumber: 1\n", "").replace("manager: UID=bob, ou=People,dc=x\n", "")
        after = view.carried_over(before, views(after))
        self.assertEqual(after["users"]["u-bob"]["phoneNumbers[work].value"], "1")
        self.assertNotIn("manager", after["users"]["u-ada"])


class Counting(unittest.TestCase):
    def count(self, before, after):
        return sorted(writes.expected(before, after).items())

    def test_no_change_needs_no_request(self):
        self.assertEqual(self.count(views(BASE), views(BASE)), [])

    def test_a_removal_beside_another_change_is_a_request_of_its_own(self):
        before = {"users": {}, "groups": {"g": {"displayName": "a", "members": ["x", "y"]}}}
        after = {"users": {}, "groups": {"g": {"displayName": "b", "members": ["x"]}}}
        self.assertEqual(self.count(before, after), [(("PATCH", "Groups", "g"), 2)])
        after["groups"]["g"]["displayName"] = "a"
        self.assertEqual(self.count(before, after), [(("PATCH", "Groups", "g"), 1)])

    def test_a_membership_that_ends_with_the_member_costs_nothing(self):
        before = {"users": {"u": {}}, "groups": {"g": {"members": ["u"]}}}
        after = {"users": {}, "groups": {"g": {"members": []}}}
        self.assertEqual(self.count(before, after), [(("DELETE", "Users", "u"), 1)])

    def test_members_go_in_chunks(self):
        many = [f"u{number}" for number in range(250)]
        people = {user: {} for user in many}
        empty = {"users": people, "groups": {}}
        created = {"users": people, "groups": {"g": {"members": many}}}
        self.assertEqual(self.count(empty, created), [(("PATCH", "Groups", "g"), 2), (("POST", "Groups", "g"), 1)])
        hollow = {"users": people, "groups": {"g": {"members": []}}}
        self.assertEqual(self.count(hollow, created), [(("PATCH", "Groups", "g"), 3)])

    def test_a_manager_who_joins_too_is_set_afterwards(self):
        before = {"users": {}, "groups": {}}
        after = {"users": {"a": {"manager": "b"}, "b": {}}, "groups": {}}
        self.assertEqual(
            self.count(before, after),
            [(("PATCH", "Users", "a"), 1), (("POST", "Users", "a"), 1), (("POST", "Users", "b"), 1)],
        )

    def test_the_journal_is_read_from_where_the_snapshot_ends(self):
        before = {"users": [{"id": "1", "externalId": "a"}], "groups": [], "journal": 5}
        journal = [
            {"sequence": 5, "method": "DELETE", "path": "/scim/v2/Users/1", "status": 204, "body": None},
            {"sequence": 6, "method": "GET", "path": "/scim/v2/Users?count=1", "status": 200, "body": None},
            {"sequence": 7, "method": "PATCH", "path": "/scim/v2/Users/1", "status": 200, "body": {}},
            {"sequence": 8, "method": "POST", "path": "/scim/v2/Users/.search", "status": 200, "body": {}},
            {"sequence": 9, "method": "POST", "path": "/Users", "status": 201, "body": '{"externalId": "b"}'},
        ]
        found = writes.journaled(journal, before, {"users": [], "groups": []})
        self.assertEqual(found, {("PATCH", "Users", "a"): 1, ("POST", "Users", "b"): 1})


class Reading(unittest.TestCase):
    SNAPSHOT = {
        "users": [
            {
                "schemas": [], "id": "1", "meta": {}, "externalId": "u-bob", "userName": "bob", "active": True,
                "name": {"givenName": "Bob"}, "emails": [{"value": "b@x", "type": "work", "primary": True}],
                target.ENTERPRISE: {"department": "R&D", "manager": {"value": "2", "$ref": "../Users/2"}},
            },
            {"id": "2", "userName": "ada", "externalId": "u-ada"},
        ],
        "groups": [{"id": "3", "displayName": "g", "externalId": "g", "members": [{"value": "1"}, {"value": "9"}]}],
    }

    def test_a_target_is_read_into_the_same_shape(self):
        found = target.view(self.SNAPSHOT)
        self.assertEqual(
            found["users"]["u-bob"],
            {
                "externalId": "u-bob", "userName": "bob", "active": True, "name.givenName": "Bob",
                "emails[work].value": "b@x", "enterprise.department": "R&D", "manager": "u-ada",
            },
        )
        self.assertEqual(found["groups"]["g"]["members"], ["u-bob", "unknown 9"])

    def test_every_difference_is_told(self):
        found = target.view(self.SNAPSHOT)
        self.assertEqual(differences.between(found, found), [])
        expected = target.view(self.SNAPSHOT)
        expected["users"]["u-bob"]["active"] = "True"
        expected["users"]["u-ada"]["title"] = "Countess"
        expected["users"]["new"] = {"userName": "new"}
        expected["groups"]["g"]["members"] = ["u-ada", "u-bob"]
        self.assertEqual(len(differences.between(expected, found)), 5)

    def test_a_resource_that_is_there_twice_is_told(self):
        twice = {"users": [{"id": "1", "externalId": "a"}, {"id": "2", "externalId": "a"}], "groups": []}
        self.assertEqual(len(differences.between({"users": {"a": {"externalId": "a"}}, "groups": {}}, target.view(twice))), 1)


if __name__ == "__main__":
    unittest.main()
