-- Who is only a member through another group is nobody's member without it.
DELETE FROM edges WHERE reference LIKE 'flat:%' AND export = 'never';
UPDATE edges SET wanted = FALSE WHERE reference LIKE 'flat:%';
DROP TABLE nesting_news;
DROP TABLE nestings;
ALTER TABLE jobs DROP COLUMN nested_groups;
DROP INDEX edges_nested;
ALTER TABLE edges DROP COLUMN nested;
