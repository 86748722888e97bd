BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE audit (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at_ms BIGINT NOT NULL, 
	actor VARCHAR(255) NOT NULL, 
	action VARCHAR(64) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	project_id VARCHAR(64), 
	detail JSON NOT NULL
, address VARCHAR(255));
INSERT INTO "audit" VALUES(1,1700000000000,'system','project.create','shop','shop','{"name": "\uc0c1\uc810", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(2,1700000000000,'system','key.create','d98a4dc4179e7411','shop','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(3,1700000000000,'system','key.create','0f07b6aff1287792','shop','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(4,1700000000000,'system','project.create','other','other','{"name": "other", "region": "jp"}',NULL);
INSERT INTO "audit" VALUES(5,1700000000000,'system','key.create','3e82d83b6cb240d5','other','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(6,1700000000000,'system','key.create','58b87e44b0866880','other','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(7,1700000000000,'system','project.create','gone','gone','{"name": "gone", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(8,1700000000000,'system','key.create','6c4eb80f56c7722b','gone','{"name": "appkey", "scopes": "manage,read,write", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(9,1700000000000,'system','key.create','6f3e76660020244d','gone','{"name": "token", "scopes": "read", "expiresMs": null}',NULL);
INSERT INTO "audit" VALUES(10,1700000000000,'system','project.delete','gone','gone','{"name": "gone"}',NULL);
INSERT INTO "audit" VALUES(11,1700000000000,'system','server.create','018bcfe5-6800-799a-a566-2167d55069cf','shop','{"hostNm": "web-1", "svrIp": "192.0.2.10", "region": "kr"}',NULL);
INSERT INTO "audit" VALUES(12,1700000000000,'system','workspace.create','018bcfe5-6800-799a-a566-21694da90eb2','shop','{"jobName": "app", "region": "kr", "metricsPath": "/metrics?x=1"}',NULL);
INSERT INTO "audit" VALUES(13,1700000000000,'system','target.create','018bcfe5-6800-799a-a566-2169b89d09a0','shop','{"hostId": "018bcfe5-6800-799a-a566-2167d55069cf", "port": 9100}',NULL);
INSERT INTO "audit" VALUES(14,1700000000000,'system','key.create','6d2dfb07dc0fb568','shop','{"name": "ci", "scopes": "write", "expiresMs": 1900000000000}',NULL);
INSERT INTO "audit" VALUES(15,1700000000000,'system','workspace.scrape','018bcfe5-6800-799a-a566-21694da90eb2','shop','{"options": ["scrape_interval"]}',NULL);
INSERT INTO "audit" VALUES(16,1700000000000,'system','layout.create','018bcfe5-6800-799a-a566-2169da2ad4b7','shop','{"name": "board", "place": "018bcfe5-6800-799a-a566-21694da90eb2"}',NULL);
CREATE TABLE host_agents (
	host_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	machine_id VARCHAR(255) NOT NULL, 
	collects BOOLEAN NOT NULL, 
	owns BOOLEAN NOT NULL, 
	heard_ms BIGINT NOT NULL, 
	CONSTRAINT pk_host_agents PRIMARY KEY (host_id), 
	CONSTRAINT fk_host_agents_host_id_servers FOREIGN KEY(host_id) REFERENCES servers (host_id) ON DELETE CASCADE, 
	CONSTRAINT fk_host_agents_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE, 
	CONSTRAINT uq_host_agents_pcode_machine_id UNIQUE (pcode, machine_id)
);
CREATE TABLE keys (
	key_id VARCHAR(64) NOT NULL, 
	pcode INTEGER NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	secret_hash BLOB NOT NULL, 
	scopes VARCHAR(64) NOT NULL, 
	created_ms BIGINT NOT NULL, 
	expires_ms BIGINT, 
	last_used_ms BIGINT, 
	CONSTRAINT pk_keys PRIMARY KEY (key_id), 
	CONSTRAINT fk_keys_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "keys" VALUES('d98a4dc4179e7411',1,'appkey',X'3B87F7D0000CCF99CB8511F16632B452B549B2F1AF6DCFAAFE469C0CB03EA7B7','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('0f07b6aff1287792',1,'token',X'C3168F78328EC908ADDC937359324041A5A060249F98447898E99693EC38392A','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('3e82d83b6cb240d5',2,'appkey',X'0048A9325FF83A430D75CFF48EE4820A287D52768C3ECF765A3FC1F3847F23E9','manage,read,write',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('58b87e44b0866880',2,'token',X'BB2786580C88C730F17198D05AF0EBED2CE97CC505D31ADEE4DCAECFAB2A6F50','read',1700000000000,NULL,NULL);
INSERT INTO "keys" VALUES('6d2dfb07dc0fb568',1,'ci',X'371AB5A39BFC37C20E165FE3E1232C594BF740A318168EB75A18AE964A697D2E','write',1700000000000,1900000000000,NULL);
CREATE TABLE layouts (
	layout_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	place VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	document JSON NOT NULL, 
	version INTEGER NOT NULL, 
	modified_ms BIGINT NOT NULL, 
	CONSTRAINT pk_layouts PRIMARY KEY (layout_id), 
	CONSTRAINT fk_layouts_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "layouts" VALUES('018bcfe5-6800-799a-a566-2169da2ad4b7',1,'018bcfe5-6800-799a-a566-21694da90eb2','board','{"panels": []}',1,1700000000000);
CREATE TABLE projects (
	pcode INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	retention_ms BIGINT NOT NULL, 
	linux_workspace BOOLEAN NOT NULL, 
	limits JSON NOT NULL, 
	created_ms BIGINT NOT NULL, targets_revision BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT uq_projects_project_id UNIQUE (project_id)
);
INSERT INTO "projects" VALUES(1,'shop','상점','kr',2592000000,1,'{"max_keys": 7}',1700000000000,3);
INSERT INTO "projects" VALUES(2,'other','other','jp',1296000000,1,'{}',1700000000000,0);
CREATE TABLE servers (
	host_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	address VARCHAR(255) NOT NULL, 
	instance_id VARCHAR(255), 
	created_ms BIGINT NOT NULL, 
	CONSTRAINT pk_servers PRIMARY KEY (host_id), 
	CONSTRAINT uq_servers_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_servers_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "servers" VALUES('018bcfe5-6800-799a-a566-2167d55069cf',1,'kr','web-1','192.0.2.10','i-1',1700000000000);
CREATE TABLE target_states (
	target_id VARCHAR(36) NOT NULL, 
	result_code INTEGER NOT NULL, 
	reason VARCHAR(500), 
	since_ms BIGINT NOT NULL, 
	CONSTRAINT pk_target_states PRIMARY KEY (target_id), 
	CONSTRAINT fk_target_states_target_id_targets FOREIGN KEY(target_id) REFERENCES targets (target_id) ON DELETE CASCADE
);
CREATE TABLE targets (
	target_id VARCHAR(36) NOT NULL, 
	job_id VARCHAR(36) NOT NULL, 
	host_id VARCHAR(36) NOT NULL, 
	port INTEGER NOT NULL, 
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_targets PRIMARY KEY (target_id), 
	CONSTRAINT uq_targets_job_id_host_id_port UNIQUE (job_id, host_id, port), 
	CONSTRAINT fk_targets_job_id_workspaces FOREIGN KEY(job_id) REFERENCES workspaces (job_id) ON DELETE CASCADE, 
	CONSTRAINT fk_targets_host_id_servers FOREIGN KEY(host_id) REFERENCES servers (host_id) ON DELETE CASCADE
);
INSERT INTO "targets" VALUES('018bcfe5-6800-799a-a566-2168b55a818e','018bcfe5-6800-799a-a566-2165b6ecf156','018bcfe5-6800-799a-a566-2167d55069cf',9100,1700000000000,'');
INSERT INTO "targets" VALUES('018bcfe5-6800-799a-a566-2169b89d09a0','018bcfe5-6800-799a-a566-21694da90eb2','018bcfe5-6800-799a-a566-2167d55069cf',9100,1700000000000,'');
CREATE TABLE workspaces (
	job_id VARCHAR(36) NOT NULL, 
	pcode INTEGER NOT NULL, 
	region VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	metrics_path VARCHAR(1024) NOT NULL, 
	description VARCHAR(4000), 
	reserved_code VARCHAR(64), 
	modified_ms BIGINT NOT NULL, scrape TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT pk_workspaces PRIMARY KEY (job_id), 
	CONSTRAINT uq_workspaces_pcode_region_name UNIQUE (pcode, region, name), 
	CONSTRAINT fk_workspaces_pcode_projects FOREIGN KEY(pcode) REFERENCES projects (pcode) ON DELETE CASCADE
);
INSERT INTO "workspaces" VALUES('018bcfe5-6800-799a-a566-2165b6ecf156',1,'kr','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-799a-a566-2166706450e7',2,'jp','@Linux','/metrics','Node exporter of every registered server','LINUX',1700000000000,'');
INSERT INTO "workspaces" VALUES('018bcfe5-6800-799a-a566-21694da90eb2',1,'kr','app','/metrics?x=1',NULL,NULL,1700000000000,'{"scrape_interval": "30s"}');
CREATE INDEX ix_keys_pcode ON keys (pcode);
CREATE INDEX ix_targets_host_id ON targets (host_id);
CREATE INDEX ix_audit_project_id_sequence ON audit (project_id, sequence);
CREATE INDEX ix_layouts_pcode_place ON layouts (pcode, place);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('projects',3);
INSERT INTO "sqlite_sequence" VALUES('audit',16);
COMMIT;
