CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE audit (
    sequence bigint NOT NULL,
    at_ms bigint NOT NULL,
    actor character varying(255) NOT NULL,
    action character varying(64) NOT NULL,
    subject character varying(255) NOT NULL,
    project_id character varying(64),
    detail json NOT NULL,
    address character varying(255)
);
CREATE SEQUENCE audit_sequence_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE audit_sequence_seq OWNED BY audit.sequence;
CREATE TABLE keys (
    key_id character varying(64) NOT NULL,
    pcode bigint NOT NULL,
    name character varying(255) NOT NULL,
    secret_hash bytea NOT NULL,
    scopes character varying(64) NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint,
    last_used_ms bigint
);
CREATE TABLE layouts (
    layout_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    place character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    document json NOT NULL,
    version integer NOT NULL,
    modified_ms bigint NOT NULL
);
CREATE TABLE projects (
    pcode bigint NOT NULL,
    project_id character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    region character varying(64) NOT NULL,
    retention_ms bigint NOT NULL,
    linux_workspace boolean NOT NULL,
    limits json NOT NULL,
    created_ms bigint NOT NULL,
    targets_revision bigint DEFAULT '0'::bigint NOT NULL
);
CREATE SEQUENCE projects_pcode_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE projects_pcode_seq OWNED BY projects.pcode;
CREATE TABLE servers (
    host_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    address character varying(255) NOT NULL,
    instance_id character varying(255),
    created_ms bigint NOT NULL
);
CREATE TABLE target_states (
    target_id character varying(36) NOT NULL,
    result_code integer NOT NULL,
    reason character varying(500),
    since_ms bigint NOT NULL
);
CREATE TABLE targets (
    target_id character varying(36) NOT NULL,
    job_id character varying(36) NOT NULL,
    host_id character varying(36) NOT NULL,
    port integer NOT NULL,
    modified_ms bigint NOT NULL,
    scrape text DEFAULT ''::text NOT NULL
);
CREATE TABLE workspaces (
    job_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    metrics_path character varying(1024) NOT NULL,
    description character varying(4000),
    reserved_code character varying(64),
    modified_ms bigint NOT NULL,
    scrape text DEFAULT ''::text NOT NULL
);
ALTER TABLE ONLY audit ALTER COLUMN sequence SET DEFAULT nextval('audit_sequence_seq'::regclass);
ALTER TABLE ONLY projects ALTER COLUMN pcode SET DEFAULT nextval('projects_pcode_seq'::regclass);
INSERT INTO alembic_version VALUES ('0004');
INSERT INTO audit VALUES (1, 1700000000000, 'system', 'project.create', 'shop', 'shop', '{"name": "\uc0c1\uc810", "region": "kr"}', NULL);
INSERT INTO audit VALUES (2, 1700000000000, 'system', 'key.create', '9e0ce14750514f11', 'shop', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (3, 1700000000000, 'system', 'key.create', '46bbccbb4598a180', 'shop', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (4, 1700000000000, 'system', 'project.create', 'other', 'other', '{"name": "other", "region": "jp"}', NULL);
INSERT INTO audit VALUES (5, 1700000000000, 'system', 'key.create', '47a08685e0c5e13b', 'other', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (6, 1700000000000, 'system', 'key.create', 'ef7b6f9a0568a572', 'other', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (7, 1700000000000, 'system', 'project.create', 'gone', 'gone', '{"name": "gone", "region": "kr"}', NULL);
INSERT INTO audit VALUES (8, 1700000000000, 'system', 'key.create', '0dd29e3347766b28', 'gone', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (9, 1700000000000, 'system', 'key.create', '4599fdd6f88be76f', 'gone', '{"name": "token", "scopes": "read", "expiresMs": null}', NULL);
INSERT INTO audit VALUES (10, 1700000000000, 'system', 'project.delete', 'gone', 'gone', '{"name": "gone"}', NULL);
INSERT INTO audit VALUES (11, 1700000000000, 'system', 'server.create', '018bcfe5-6800-7b62-843a-24687bdc56e6', 'shop', '{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}', NULL);
INSERT INTO audit VALUES (12, 1700000000000, 'system', 'workspace.create', '018bcfe5-6800-7b62-843a-2469d414e9cf', 'shop', '{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}', NULL);
INSERT INTO audit VALUES (13, 1700000000000, 'system', 'target.create', '018bcfe5-6800-7b62-843a-246a3fca2e35', 'shop', '{"hostId": "018bcfe5-6800-7b62-843a-24687bdc56e6", "port": 9100}', NULL);
INSERT INTO audit VALUES (14, 1700000000000, 'system', 'key.create', '0aef224fb38fbc54', 'shop', '{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}', NULL);
INSERT INTO audit VALUES (15, 1700000000000, 'system', 'workspace.scrape', '018bcfe5-6800-7b62-843a-2469d414e9cf', 'shop', '{"options": ["scrape_interval"]}', NULL);
INSERT INTO audit VALUES (16, 1700000000000, 'system', 'layout.create', '018bcfe5-6800-7b62-843a-246adfe1d91e', 'shop', '{"name": "board", "place": "018bcfe5-6800-7b62-843a-2469d414e9cf"}', NULL);
INSERT INTO keys VALUES ('9e0ce14750514f11', 1, 'appkey', '\x2a0b4888bd0cbe9e47ae0a45dc549b25a6b3617eabb898bda749dc1b011aa835', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('46bbccbb4598a180', 1, 'token', '\x3c368d525c7da4df67adaffd967117397e67bda58a8128cb10ba58100cc43202', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('47a08685e0c5e13b', 2, 'appkey', '\x794e77a552c4f229cb579b421b3b62fe7a7b39a1e1c14320b553e1390c60aace', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('ef7b6f9a0568a572', 2, 'token', '\x113da716953e56b6efdc8fe011c43834631396066200026cd98c377d67bce9e7', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('0aef224fb38fbc54', 1, 'ci', '\x2efd5f5384b5be61c2e6257cd2e7d87723dd979817d4e1036c0ba079a5f00581', 'write', 1700000000000, 1900000000000, NULL);
INSERT INTO layouts VALUES ('018bcfe5-6800-7b62-843a-246adfe1d91e', 1, '018bcfe5-6800-7b62-843a-2469d414e9cf', 'board', '{"panels": []}', 1, 1700000000000);
INSERT INTO projects VALUES (2, 'other', 'other', 'jp', 1296000000, true, '{}', 1700000000000, 0);
INSERT INTO projects VALUES (1, 'shop', '상점', 'kr', 2592000000, true, '{"max_keys": 7}', 1700000000000, 3);
INSERT INTO servers VALUES ('018bcfe5-6800-7b62-843a-24687bdc56e6', 1, 'kr', 'web-1', '192.0.2.10', 'i-1', 1700000000000);
INSERT INTO targets VALUES ('018bcfe5-6800-7b62-843a-246908f49f33', '018bcfe5-6800-7b62-843a-24670dc0c263', '018bcfe5-6800-7b62-843a-24687bdc56e6', 9100, 1700000000000, '');
INSERT INTO targets VALUES ('018bcfe5-6800-7b62-843a-246a3fca2e35', '018bcfe5-6800-7b62-843a-2469d414e9cf', '018bcfe5-6800-7b62-843a-24687bdc56e6', 9100, 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7b62-843a-24670dc0c263', 1, 'kr', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7b62-843a-24673cff4680', 2, 'jp', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000, '');
INSERT INTO workspaces VALUES ('018bcfe5-6800-7b62-843a-2469d414e9cf', 1, 'kr', 'app', '/metrics?x=1', NULL, NULL, 1700000000000, '{"scrape_interval": "30s"}');
SELECT pg_catalog.setval('audit_sequence_seq', 16, true);
SELECT pg_catalog.setval('projects_pcode_seq', 3, true);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (sequence);
ALTER TABLE ONLY keys
    ADD CONSTRAINT pk_keys PRIMARY KEY (key_id);
ALTER TABLE ONLY layouts
    ADD CONSTRAINT pk_layouts PRIMARY KEY (layout_id);
ALTER TABLE ONLY projects
    ADD CONSTRAINT pk_projects PRIMARY KEY (pcode);
ALTER TABLE ONLY servers
    ADD CONSTRAINT pk_servers PRIMARY KEY (host_id);
ALTER TABLE ONLY target_states
    ADD CONSTRAINT pk_target_states PRIMARY KEY (target_id);
ALTER TABLE ONLY targets
    ADD CONSTRAINT pk_targets PRIMARY KEY (target_id);
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT pk_workspaces PRIMARY KEY (job_id);
ALTER TABLE ONLY projects
    ADD CONSTRAINT uq_projects_project_id UNIQUE (project_id);
ALTER TABLE ONLY servers
    ADD CONSTRAINT uq_servers_pcode_region_name UNIQUE (pcode, region, name);
ALTER TABLE ONLY targets
    ADD CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port);
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name);
CREATE INDEX ix_audit_project_id_sequence ON audit USING btree (project_id, sequence);
CREATE INDEX ix_keys_pcode ON keys USING btree (pcode);
CREATE INDEX ix_layouts_pcode_place ON layouts USING btree (pcode, place);
CREATE INDEX ix_targets_host_id ON targets USING btree (host_id);
ALTER TABLE ONLY keys
    ADD CONSTRAINT fk_keys_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY layouts
    ADD CONSTRAINT fk_layouts_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY servers
    ADD CONSTRAINT fk_servers_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
ALTER TABLE ONLY target_states
    ADD CONSTRAINT fk_target_states_target_id_targets FOREIGN KEY (target_id) REFERENCES targets(target_id) ON DELETE CASCADE;
ALTER TABLE ONLY targets
    ADD CONSTRAINT fk_targets_host_id_servers FOREIGN KEY (host_id) REFERENCES servers(host_id) ON DELETE CASCADE;
ALTER TABLE ONLY targets
    ADD CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY (job_id) REFERENCES workspaces(job_id) ON DELETE CASCADE;
ALTER TABLE ONLY workspaces
    ADD CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
