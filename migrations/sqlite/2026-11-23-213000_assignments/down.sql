ALTER TABLE jobs DROP COLUMN assignments;
DROP TABLE assignment_news;
DROP TABLE assignments;
