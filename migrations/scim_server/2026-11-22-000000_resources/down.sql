DROP TABLE members;
DROP TABLE resources;
