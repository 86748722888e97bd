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
    detail json NOT NULL
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
CREATE TABLE projects (
    pcode bigint NOT NULL,
    project_id character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    region character varying(64) NOT NULL,
    retention_ms bigint NOT NULL,
    linux_workspace boolean NOT NULL,
    limits json NOT NULL,
    created_ms bigint NOT NULL
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
    modified_ms bigint NOT NULL
);
CREATE TABLE workspaces (
    job_id character varying(36) NOT NULL,
    pcode bigint NOT NULL,
    region character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    metrics_path character varying(1024) NOT NULL,
    description character varying(4000),
    reserved_code character varying(64),
    modified_ms bigint NOT NULL
);
ALTER TABLE ONLY audit ALTER COLUMN sequence SET DEFAULT nextval('audit_sequence_seq'::regclass);
ALTER TABLE ONLY projects ALTER COLUMN pcode SET DEFAULT nextval('projects_pcode_seq'::regclass);
INSERT INTO alembic_version VALUES ('0001');
INSERT INTO audit VALUES (1, 1700000000000, 'system', 'project.create', 'shop', 'shop', '{"name": "\uc0c1\uc810", "region": "kr"}');
INSERT INTO audit VALUES (2, 1700000000000, 'system', 'key.create', '31bfaa224cdd81e6', 'shop', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO audit VALUES (3, 1700000000000, 'system', 'key.create', 'eabe562b9ef7a5d4', 'shop', '{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO audit VALUES (4, 1700000000000, 'system', 'project.create', 'other', 'other', '{"name": "other", "region": "jp"}');
INSERT INTO audit VALUES (5, 1700000000000, 'system', 'key.create', 'b1a42db7b1c96b1d', 'other', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO audit VALUES (6, 1700000000000, 'system', 'key.create', 'b5c32e946526e5fe', 'other', '{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO audit VALUES (7, 1700000000000, 'system', 'project.create', 'gone', 'gone', '{"name": "gone", "region": "kr"}');
INSERT INTO audit VALUES (8, 1700000000000, 'system', 'key.create', 'c3d24281dee32f6a', 'gone', '{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}');
INSERT INTO audit VALUES (9, 1700000000000, 'system', 'key.create', 'b2e0a947ea54ae3d', 'gone', '{"name": "token", "scopes": "read", "expiresMs": null}');
INSERT INTO audit VALUES (10, 1700000000000, 'system', 'project.delete', 'gone', 'gone', '{"name": "gone"}');
INSERT INTO audit VALUES (11, 1700000000000, 'system', 'server.create', '018bcfe5-6800-75de-98c8-ecdc29699d1e', 'shop', '{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}');
INSERT INTO audit VALUES (12, 1700000000000, 'system', 'workspace.create', '018bcfe5-6800-75de-98c8-ecddb88fee0b', 'shop', '{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}');
INSERT INTO audit VALUES (13, 1700000000000, 'system', 'target.create', '018bcfe5-6800-75de-98c8-ecde1fa7b9f4', 'shop', '{"hostId": "018bcfe5-6800-75de-98c8-ecdc29699d1e", "port": 9100}');
INSERT INTO audit VALUES (14, 1700000000000, 'system', 'key.create', '5183ffb5725322bb', 'shop', '{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}');
INSERT INTO keys VALUES ('31bfaa224cdd81e6', 1, 'appkey', '\x0e1b1adc9d03cb1764319c08fd1b96b4ba7a661d08e5cb114b1eaabe83a48c30', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('eabe562b9ef7a5d4', 1, 'token', '\x465faac32a3f84de9536d6cf919a11d92041bc1d43b2abdcfa88e34321e866fc', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('b1a42db7b1c96b1d', 2, 'appkey', '\xe23d2c2af297c16172ee1494c8dab12c7684472aa03b103ae641165ea4085637', 'manage,read,write', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('b5c32e946526e5fe', 2, 'token', '\xb45265d8338aa953c71406f7c6a91e26da814b7789ade35066c7c11c45ca5788', 'read', 1700000000000, NULL, NULL);
INSERT INTO keys VALUES ('5183ffb5725322bb', 1, 'ci', '\xde47565837440d97344a575532edd893559507b1a1c0ab16499023f97b5d2731', 'write', 1700000000000, 1900000000000, NULL);
INSERT INTO projects VALUES (1, 'shop', '상점', 'kr', 2592000000, true, '{"max_keys": 7}', 1700000000000);
INSERT INTO projects VALUES (2, 'other', 'other', 'jp', 1296000000, true, '{}', 1700000000000);
INSERT INTO servers VALUES ('018bcfe5-6800-75de-98c8-ecdc29699d1e', 1, 'kr', 'web-1', '192.0.2.10', 'i-1', 1700000000000);
INSERT INTO targets VALUES ('018bcfe5-6800-75de-98c8-ecdcc77d7b06', '018bcfe5-6800-75de-98c8-ecdab0e46a26', '018bcfe5-6800-75de-98c8-ecdc29699d1e', 9100, 1700000000000);
INSERT INTO targets VALUES ('018bcfe5-6800-75de-98c8-ecde1fa7b9f4', '018bcfe5-6800-75de-98c8-ecddb88fee0b', '018bcfe5-6800-75de-98c8-ecdc29699d1e', 9100, 1700000000000);
INSERT INTO workspaces VALUES ('018bcfe5-6800-75de-98c8-ecdab0e46a26', 1, 'kr', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000);
INSERT INTO workspaces VALUES ('018bcfe5-6800-75de-98c8-ecdb14a4c418', 2, 'jp', '@Linux', '/metrics', 'Node exporter of every registered server', 'LINUX', 1700000000000);
INSERT INTO workspaces VALUES ('018bcfe5-6800-75de-98c8-ecddb88fee0b', 1, 'kr', 'app', '/metrics?x=1', NULL, NULL, 1700000000000);
SELECT pg_catalog.setval('audit_sequence_seq', 14, true);
SELECT pg_catalog.setval('projects_pcode_seq', 3, true);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY audit
    ADD CONSTRAINT pk_audit PRIMARY KEY (sequence);
ALTER TABLE ONLY keys
    ADD CONSTRAINT pk_keys PRIMARY KEY (key_id);
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
CREATE INDEX ix_targets_host_id ON targets USING btree (host_id);
ALTER TABLE ONLY keys
    ADD CONSTRAINT fk_keys_pcode_projects FOREIGN KEY (pcode) REFERENCES projects(pcode) ON DELETE CASCADE;
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
