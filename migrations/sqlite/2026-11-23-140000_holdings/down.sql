DROP TRIGGER link_added;
DROP TRIGGER link_ended;
DROP TRIGGER exported_edge_added;
DROP TRIGGER edge_exported;
DROP TRIGGER edge_not_exported;
DROP TRIGGER exported_edge_ended;
DROP TABLE holdings;
